// The queues that any thread pushes to: the runtime's, and each worker's of coroutines pinned to it. Every coroutine
// comes out once, in order, with what was written before it was pushed.
#include "sched/shared_queue.hpp"

#include <array>

#include "checker/model.hpp"
#include "world.hpp"

namespace moor::model {
namespace {

const about queue_files{.files = {"sched/shared_queue.hpp", "win/spin_lock.hpp", "win/spin_lock.cpp"}};

// `shields` stands for all the plain memory that the pusher of a coroutine has written.
void push(sched::shared_queue& to, detail::coroutine& item, unsigned shields) {
    item.stop_shields = shields;
    to.push(item);
}

const scenario two_push{"shared queue", "two push, one pops and puts one back", queue_files, [] {
                            world of;
                            sched::shared_queue queue;
                            auto& [first, second, third] = of.workers;
                            unsigned seen = 0;
                            run_threads([&] { push(queue, first.runs, 1); }, [&] { push(queue, second.runs, 2); },
                                        [&] {
                                            if (detail::coroutine* const taken = queue.pop()) {
                                                queue.push_front(*taken);
                                            }
                                            if (detail::coroutine* const taken = queue.pop()) {
                                                seen += taken->stop_shields;
                                            }
                                        });
                            while (detail::coroutine* const left = queue.pop()) {
                                seen += left->stop_shields;
                            }
                            require(seen == 3, "each coroutine comes out once");
                            static_cast<void>(third);
                        }};

const scenario two_pop{"shared queue", "a batch is pushed, two pop", queue_files, [] {
                           world of;
                           sched::shared_queue queue;
                           auto& [first, second, third] = of.workers;
                           std::array<unsigned, 2> seen{};
                           const auto pop = [&](unsigned& sum) {
                               while (detail::coroutine* const taken = queue.pop()) {
                                   require(taken->stop_shields > sum % 10, "coroutines come out in order");
                                   sum = sum * 10 + taken->stop_shields;
                               }
                           };
                           run_threads(
                               [&] {
                                   first.runs.stop_shields = 1;
                                   second.runs.stop_shields = 2;
                                   const std::array<detail::coroutine*, 2> batch{&first.runs, &second.runs};
                                   queue.push(batch);
                                   push(queue, third.runs, 3);
                               },
                               [&] { pop(seen[0]); }, [&] { pop(seen[1]); });
                           unsigned rest = 0;
                           pop(rest);
                           unsigned all = 0;
                           for (unsigned digits : {seen[0], seen[1], rest}) {
                               for (; digits != 0; digits /= 10) {
                                   all += digits % 10;
                               }
                           }
                           require(all == 6, "each coroutine comes out once");
                       }};

} // namespace
} // namespace moor::model
