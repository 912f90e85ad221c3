// A wait and those who may end it: exactly one does, what it hands over is there when the wait is over, and none comes
// too late or twice.
#include <moor/detail/wait.hpp>

#include <array>
#include <mutex>

#include "checker/model.hpp"
#include "win/spin_lock.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

using detail::claim;
using detail::stop_request;
using detail::wait_ticket;
using detail::wake_reason;

const about wait_files{.files = {"sched/wait.cpp", "detail/wait.hpp", "detail/wait_ticket.hpp"}};

// A waiter's ticket where a waker looks for it.
struct mailbox {
    detail::spin_lock lock;
    bool is_there = false;
    bool is_due = false; // the waker was first
    wait_ticket ticket;
    int* slot = nullptr;

    // False when there is nothing to wait for.
    bool register_wait(const detail::wait& waiting, int& into) {
        const std::lock_guard guard(lock);
        if (is_due) {
            return false;
        }
        ticket = waiting.ticket();
        slot = &into;
        is_there = true;
        return true;
    }

    bool take(wait_ticket& found) {
        const std::lock_guard guard(lock);
        is_due = true;
        found = ticket;
        return is_there;
    }
};

// Hands a number over, unless another one has ended the wait.
bool hand_over(mailbox& to, int number) {
    wait_ticket ticket;
    if (!to.take(ticket)) {
        return false;
    }
    int* const slot = to.slot;
    const claim how = ticket.try_claim(wake_reason::notified);
    if (how == claim::lost) {
        return false;
    }
    *slot = number;
    ticket.finish(how);
    return true;
}

void wait_once(mailbox& at, int& got, wake_reason& why) {
    int slot = 0;
    detail::wait waiting("model", no_limit);
    if (!at.register_wait(waiting, slot)) {
        why = wake_reason::notified;
        return;
    }
    why = waiting.suspend();
    got = slot;
}

const scenario hands_over{"parking", "a hand-over and a time-out race for a coroutine's wait", wait_files, [] {
                              world of;
                              mailbox box;
                              int got = 0;
                              wake_reason why{};
                              bool handed = false;
                              bool timed_out = false;
                              run_threads(
                                  [&] {
                                      const as_coroutine self(of.workers[0]);
                                      wait_once(box, got, why);
                                  },
                                  [&] { handed = hand_over(box, 7); },
                                  [&] {
                                      wait_ticket ticket;
                                      const bool is_there = [&] {
                                          const std::lock_guard guard(box.lock);
                                          ticket = box.ticket;
                                          return box.is_there;
                                      }();
                                      timed_out = is_there && ticket.wake(wake_reason::timed_out);
                                  });
                              require(!(handed && timed_out), "one of them ends the wait");
                              require(!handed || got == 7, "what was handed over has come");
                              require(!timed_out || why == wake_reason::timed_out, "it knows why it ended");
                          }};

const scenario late_ticket{"parking", "a ticket of the wait before is good for nothing", wait_files, [] {
                               world of;
                               mailbox first;
                               mailbox second;
                               int got = 0;
                               int got_second = 0;
                               wake_reason why{};
                               run_threads(
                                   [&] {
                                       const as_coroutine self(of.workers[0]);
                                       wait_once(first, got, why);
                                       wait_once(second, got_second, why);
                                       require(why == wake_reason::notified, "nobody but its waker ends the second");
                                   },
                                   [&] {
                                       hand_over(first, 1);
                                       hand_over(second, 2);
                                   },
                                   [&] {
                                       wait_ticket ticket;
                                       bool is_there = false;
                                       {
                                           const std::lock_guard guard(first.lock);
                                           ticket = first.ticket;
                                           is_there = first.is_there;
                                       }
                                       if (is_there) {
                                           ticket.wake(wake_reason::timed_out);
                                       }
                                   });
                           }};

const scenario stopped{"parking", "a request to stop meets a wait that begins", wait_files, [] {
                           world of;
                           wake_reason why{};
                           run_threads(
                               [&] {
                                   const as_coroutine self(of.workers[0]);
                                   detail::wait waiting("model", no_limit);
                                   why = waiting.suspend();
                               },
                               [&] { of.workers[0].runs.request_stop(); });
                           require(why == wake_reason::stopped, "the request ends the wait");
                       }};

const scenario stopped_or_woken{
    "parking", "a request to stop and a hand-over race", wait_files, [] {
        world of;
        mailbox box;
        int got = 0;
        wake_reason why{};
        bool handed = false;
        run_threads(
            [&] {
                const as_coroutine self(of.workers[0]);
                wait_once(box, got, why);
            },
            [&] { handed = hand_over(box, 7); }, [&] { of.workers[0].runs.request_stop(); });
        require(!handed || (why == wake_reason::notified && got == 7), "what was handed over has come");
    }};

const scenario plain_thread{
    "parking", "a plain thread waits, two race to wake it", wait_files, [] {
        world of;
        mailbox box;
        int got = 0;
        wake_reason why{};
        bool handed = false;
        run_threads(
            [&] {
                int slot = 0;
                detail::wait waiting("model", no_limit);
                if (!box.register_wait(waiting, slot)) {
                    return;
                }
                why = waiting.suspend();
                const std::lock_guard guard(box.lock); // as every primitive takes its waiter out
                got = slot;
            },
            [&] {
                // Under the lock: a plain thread's ticket is used nowhere else.
                const std::lock_guard guard(box.lock);
                box.is_due = true;
                if (box.is_there) {
                    const claim how = box.ticket.try_claim(wake_reason::notified);
                    if (how != claim::lost) {
                        *box.slot = 7;
                        box.ticket.finish(how);
                        handed = true;
                    }
                }
            },
            [&] {
                const std::lock_guard guard(box.lock);
                if (box.is_there) {
                    box.ticket.wake(wake_reason::stopped);
                }
            });
        require(!handed || (why == wake_reason::notified && got == 7), "what was handed over has come");
    }};

// What a wait is for may go as soon as the wait has ended; a reader that has found it may still look at it.
const scenario observed{"parking",
                        "another thread reads whom a wait is for while it ends",
                        {.files = {"sched/wait.cpp", "sched/waited_for.hpp", "sched/coroutine.hpp"}},
                        [] {
                            world of;
                            std::array<mailbox, 2> boxes;
                            detail::coroutine& waits = of.workers[0].runs;
                            run_threads(
                                [&] {
                                    const as_coroutine self(of.workers[0]);
                                    for (unsigned round = 0; round != 2; ++round) {
                                        auto* const holder = new std::atomic<std::uint64_t>((2 + round) << (1 + round));
                                        {
                                            int slot = 0;
                                            detail::wait waiting("model", no_limit);
                                            if (boxes[round].register_wait(waiting, slot)) {
                                                static_cast<void>(
                                                    waiting.suspend({.holder = holder, .shift = 1 + round}));
                                            }
                                        }
                                        delete holder;
                                    }
                                },
                                [&] {
                                    hand_over(boxes[0], 1);
                                    hand_over(boxes[1], 1);
                                },
                                [&] {
                                    detail::dependence on;
                                    std::uint64_t holder = 0;
                                    if (const std::uint64_t wait = waits.unended_wait();
                                        wait != 0 && waits.read_waits_on(wait, on, holder)) {
                                        require(holder == on.shift + 1, "it reads who holds what is waited for");
                                    }
                                });
                        }};

} // namespace
} // namespace moor::model
