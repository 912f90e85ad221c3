// A timer that its coroutine starts and cancels, perhaps on another worker, while workers expire what is due: a wait
// ends once, and nobody touches the timer when its coroutine has left the wait.
#include "sched/timers.hpp"

#include <chrono>

#include "checker/model.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

using detail::wake_reason;

const about timer_files{.files = {"sched/timers.hpp", "win/spin_lock.hpp"}};

const auto far_away = wait_limit::time_point(std::chrono::hours(24 * 365 * 100));

const scenario expires{"timers", "two workers expire a timer while another one wakes its coroutine", timer_files, [] {
                           world of;
                           detail::spin_lock lock;
                           detail::wait_queue waiters;
                           bool is_due = false;
                           wake_reason why{};
                           run_threads(
                               [&] {
                                   const as_coroutine self(of.workers[0]);
                                   const wait_limit limit(far_away);
                                   detail::wait waiting("model", limit);
                                   detail::waiter node;
                                   {
                                       const std::lock_guard guard(lock);
                                       if (is_due) {
                                           return;
                                       }
                                       node.ticket = waiting.ticket();
                                       waiters.push_back(node);
                                   }
                                   why = waiting.suspend();
                                   if (why != wake_reason::notified) {
                                       const std::lock_guard guard(lock);
                                       waiters.remove(node);
                                   }
                               },
                               [&] {
                                   const std::lock_guard guard(lock);
                                   is_due = true;
                                   waiters.wake_one();
                               },
                               [&] { of.workers[0].own_timers().expire(far_away); });
                           require(of.workers[0].own_timers().empty(), "no timer is left");
                       }};

// The coroutine waits until its time has come; two workers look.
const scenario two_expire{"timers", "two workers expire the same timers", timer_files, [] {
                              world of;
                              std::atomic<bool> is_over{false};
                              const auto expire = [&] {
                                  while (!is_over.load(std::memory_order_relaxed) &&
                                         !of.workers[0].own_timers().expire(far_away)) {
                                      wait_for_a_store();
                                  }
                              };
                              run_threads(
                                  [&] {
                                      const as_coroutine self(of.workers[0]);
                                      detail::wait waiting("model", no_limit);
                                      sched::sleeper timer(waiting.ticket());
                                      of.workers[0].own_timers().start(timer, far_away);
                                      require(waiting.suspend() == wake_reason::timed_out, "its time has come");
                                      sched::timers::cancel(timer);
                                      is_over.store(true, std::memory_order_relaxed);
                                  },
                                  expire, expire);
                          }};

} // namespace
} // namespace moor::model
