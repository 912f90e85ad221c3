// Workers that run out of work and sleep while somebody queues more: none sleeps while there is work that nobody comes
// for (worker_idle.cpp, worker_queues.cpp and idle_workers.hpp).
#include "sched/idle_workers.hpp"

#include <array>
#include <atomic>
#include <functional>

#include "checker/model.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

const about idle_files{
    .files = {"sched/idle_workers.hpp", "sched/worker_idle.cpp", "sched/worker_queues.cpp", "sched/shared_queue.hpp"}};

// Coroutines are those of workers that the runtime does not have: by their place in the world.
struct program {
    explicit program(std::size_t workers) : of(workers) {}
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    virtual ~program() = default;

    /// What the coroutine with that number does.
    virtual void run(std::size_t number, sched::worker& here) = 0;

    void end() {
        of.runtime.ending.store(true, std::memory_order_release);
        of.runtime.io.port.post_wake();
    }

    /// As worker::run.
    void loop(sched::worker& here) {
        here.on_system_stack = true;
        for (;;) {
            detail::coroutine* next = here.choose_fairly();
            if (next != nullptr) {
                here.found_work();
            } else {
                next = here.find_work();
            }
            if (next == nullptr) {
                of.runtime.io.port.post_wake();
                return;
            }
            here.on_system_stack = false;
            run(static_cast<std::size_t>(next->id.load(std::memory_order_relaxed) - 1), here);
            here.on_system_stack = true;
        }
    }

    [[nodiscard]] detail::coroutine& coroutine(std::size_t number) { return of.workers[number].runs; }

    world of;
};

// Waits, on the worker, until another one has run a coroutine.
void wait_for(const std::atomic<std::uint32_t>& done) { block_while_equal(&done, sizeof done, 0); }

const scenario started_outside{"idle workers",
                               "a plain thread starts one while both workers fall asleep",
                               {.files = idle_files.files, .quick = {.preemptions = 2, .stale_loads = 1}},
                               [] {
                                   struct one final : program {
                                       one() : program(2) {}
                                       void run(std::size_t, sched::worker&) override {
                                           ++runs;
                                           end();
                                       }
                                       int runs = 0;
                                   } here;
                                   run_threads([&] { here.loop(here.of.workers[0]); },
                                               [&] { here.loop(here.of.workers[1]); },
                                               [&] {
                                                   here.of.runtime.shared.push(here.coroutine(0));
                                                   here.of.runtime.wake_worker();
                                               });
                                   require(here.runs == 1, "it runs once");
                               }};

const scenario waits_for_another{
    "idle workers", "one that a worker runs starts another one and waits for it on its thread", idle_files, [] {
        struct two final : program {
            two() : program(2) {}
            void run(std::size_t number, sched::worker& here) override {
                if (number == 0) {
                    here.enqueue_new(coroutine(1));
                    wait_for(done);
                    end();
                } else {
                    done.store(1, std::memory_order_relaxed);
                }
            }
            std::atomic<std::uint32_t> done{0};
        } here;
        here.of.runtime.shared.push(here.coroutine(0));
        run_threads([&] { here.loop(here.of.workers[0]); }, [&] { here.loop(here.of.workers[1]); });
    }};

const scenario two_outside{"idle workers",
                           "a plain thread starts two, and one waits for the other on its thread",
                           {.files = idle_files.files, .quick = {.preemptions = 2, .stale_loads = 1}},
                           [] {
                               struct two final : program {
                                   two() : program(2) {}
                                   void run(std::size_t number, sched::worker&) override {
                                       if (number == 0) {
                                           wait_for(done);
                                           end();
                                       } else {
                                           done.store(1, std::memory_order_relaxed);
                                       }
                                   }
                                   std::atomic<std::uint32_t> done{0};
                               } here;
                               run_threads([&] { here.loop(here.of.workers[0]); },
                                           [&] { here.loop(here.of.workers[1]); },
                                           [&] {
                                               for (const std::size_t number : {0u, 1u}) {
                                                   here.of.runtime.shared.push(here.coroutine(number));
                                                   here.of.runtime.wake_worker();
                                               }
                                           });
                           }};

const scenario pinned{"idle workers", "a plain thread wakes one that only a certain worker may run", idle_files, [] {
                          struct one final : program {
                              one() : program(2) {}
                              void run(std::size_t, sched::worker& here) override {
                                  require(here.index() == 1, "it runs where it may");
                                  ++runs;
                                  end();
                              }
                              int runs = 0;
                          } here;
                          run_threads([&] { here.loop(here.of.workers[0]); }, [&] { here.loop(here.of.workers[1]); },
                                      [&] { here.of.workers[1].enqueue_pinned(here.coroutine(0)); });
                          require(here.runs == 1, "it runs once");
                      }};

const scenario woken_by_event{
    "idle workers",
    "a worker has one in its next slot and one in its ring, another one helps",
    {.files = idle_files.files, .quick = {.preemptions = 1, .stale_loads = 1}},
    [] {
        struct three final : program {
            three() : program(2) {}
            void run(std::size_t number, sched::worker& here) override {
                require(runs[number].fetch_add(1, std::memory_order_relaxed) == 0, "each runs once");
                require(number == 0 || coroutine(number).stop_shields == 7, "what its waker has written is seen");
                if (number == 0) {
                    coroutine(1).stop_shields = 7;
                    coroutine(2).stop_shields = 7;
                    here.make_ready(coroutine(1)); // in the next slot, for which nobody is woken
                    here.enqueue_new(coroutine(2));
                    wait_for(runs[2]);
                    end();
                }
            }
            std::array<std::atomic<std::uint32_t>, 3> runs{};
        } here;
        here.of.runtime.shared.push(here.coroutine(0));
        run_threads([&] { here.loop(here.of.workers[0]); }, [&] { here.loop(here.of.workers[1]); });
    }};

} // namespace
} // namespace moor::model
