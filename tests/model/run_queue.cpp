// A worker's ring under its owner and its thieves: every item is taken once, and what was written before it was pushed
// is seen by the one that takes it.
#include "sched/run_queue.hpp"

#include <array>
#include <cstdint>
#include <span>

#include "checker/model.hpp"

namespace moor::model {
namespace {

struct item {
    int written = 0;
    int taken = 0;
};

using ring = sched::run_queue<item, 2>;

void take(item* what) {
    if (what != nullptr) {
        require(what->written == 1, "a taken item is what was pushed");
        ++what->taken;
    }
}

void push(ring& to, item& what) {
    what.written = 1;
    require(to.push(what), "there is room");
}

void take_all(ring& from) {
    while (item* const what = from.pop()) {
        take(what);
    }
}

void require_taken_once(std::span<const item> items) {
    for (const item& each : items) {
        require(each.taken == 1, "each item is taken once");
    }
}

const about ring_files{.files = {"sched/run_queue.hpp"}};

const scenario pops{"run queue", "the owner pushes and pops, another one steals", ring_files, [] {
                        std::array<item, 3> items;
                        ring owners;
                        ring thiefs;
                        run_threads(
                            [&] {
                                push(owners, items[0]);
                                push(owners, items[1]);
                                take(owners.pop());
                                push(owners, items[2]);
                                take(owners.pop());
                            },
                            [&] {
                                std::uint32_t stolen = 0;
                                take(owners.steal_half_into(thiefs, stolen));
                                take_all(thiefs);
                                take(owners.steal_half_into(thiefs, stolen));
                                take_all(thiefs);
                            });
                        take_all(owners);
                        require_taken_once(items);
                    }};

const scenario two_thieves{"run queue", "two steal while the owner pops", ring_files, [] {
                               std::array<item, 2> items;
                               ring owners;
                               push(owners, items[0]);
                               push(owners, items[1]);
                               const auto steal = [&] {
                                   ring thiefs;
                                   std::uint32_t stolen = 0;
                                   take(owners.steal_half_into(thiefs, stolen));
                                   take_all(thiefs);
                               };
                               run_threads([&] { take(owners.pop()); }, steal, steal);
                               take_all(owners);
                               require_taken_once(items);
                           }};

const scenario overflow{"run queue", "a full ring gives half away, another one steals", ring_files, [] {
                            std::array<item, 3> items;
                            ring owners;
                            ring thiefs;
                            run_threads(
                                [&] {
                                    push(owners, items[0]);
                                    push(owners, items[1]);
                                    items[2].written = 1;
                                    while (!owners.push(items[2])) {
                                        std::array<item*, 1> half{};
                                        if (owners.take_half(half) != 0) {
                                            take(half[0]);
                                        }
                                    }
                                },
                                [&] {
                                    std::uint32_t stolen = 0;
                                    take(owners.steal_half_into(thiefs, stolen));
                                    take_all(thiefs);
                                });
                            take_all(owners);
                            require_taken_once(items);
                        }};

// What a thief has put into its own ring may be stolen once more.
const scenario stolen_twice{"run queue", "another one steals from the thief", ring_files, [] {
                                std::array<item, 3> items;
                                sched::run_queue<item, 4> owners;
                                sched::run_queue<item, 4> thiefs;
                                run_threads(
                                    [&] {
                                        for (item& each : items) {
                                            each.written = 1;
                                            require(owners.push(each), "there is room");
                                        }
                                    },
                                    [&] {
                                        std::uint32_t stolen = 0;
                                        take(owners.steal_half_into(thiefs, stolen));
                                        take(thiefs.pop());
                                    },
                                    [&] {
                                        sched::run_queue<item, 4> last;
                                        std::uint32_t stolen = 0;
                                        take(thiefs.steal_half_into(last, stolen));
                                        take(last.pop());
                                    });
                                for (auto* const ring : {&owners, &thiefs}) {
                                    while (item* const what = ring->pop()) {
                                        take(what);
                                    }
                                }
                                require_taken_once(items);
                            }};

} // namespace
} // namespace moor::model
