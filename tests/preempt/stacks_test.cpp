// Preemption and the stack: growth right after it, it right after growth, recursion that grows, shrinks and moves, and
// the calls that concern the stack. Built twice: as it is, and with stack checks, where movable stacks are tried too.
// What runs on a movable stack keeps to itself and to moor: it tells by flags and numbers what it found.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/under_storm.hpp"
#include "support/spin.hpp"
#include "win/compiler.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t preemptions = 300;

struct kind {
    const char* name;
    stack_kind stack;
    bool moves_without_need;
};

class preempted_stacks : public testing::TestWithParam<kind> {};
const kind kinds[] = {
    {"reserved", stack_kind::reserved, false},
#if defined(MOOR_TEST_MOVABLE_STACKS)
    {"movable", stack_kind::movable, false},
    {"moving", stack_kind::movable, true},
#endif
};
INSTANTIATE_TEST_SUITE_P(on, preempted_stacks, testing::ValuesIn(kinds),
                         [](const testing::TestParamInfo<kind>& tested) { return std::string(tested.param.name); });

runtime_options options_for(const kind& wanted) {
    runtime_options options = test::verified_storm(1);
    options.debug.force_move = wanted.moves_without_need;
    options.debug.stack_poison_copy = wanted.moves_without_need;
    return options;
}

// What the coroutines of a test share.
struct shared {
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> turns{0}; // of a coroutine that does nothing but yield
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> rounds{0};
};

// Keeps the worker busy until another coroutine had a turn: until the caller was preempted.
MOOR_NOINLINE void spin_until_preempted(const shared& common) {
    const std::uint64_t before = common.turns.load(std::memory_order_relaxed);
    while (common.turns.load(std::memory_order_relaxed) == before && !common.stop.load(std::memory_order_relaxed)) {
    }
}

// Runs `step(common, number)` over and over on three preemptible coroutines of one worker, until there were enough
// preemptions. A step returns whether all was in place.
template <class Step>
void expect_in_place(const kind& wanted, Step step) {
    runtime running(options_for(wanted));
    const test::until_preempted enough(running, test::scaled(preemptions));
    shared common;
    std::vector<join_handle<void>> all;
    for (std::uint64_t number = 0; number != 3; ++number) {
        all.push_back(running.spawn({.stack = wanted.stack, .preemptible = true}, [&common, step, number] {
            for (std::uint64_t round = number; !common.stop.load(std::memory_order_relaxed); ++round) {
                if (!step(common, round)) {
                    common.wrong.fetch_add(1, std::memory_order_relaxed);
                }
                common.rounds.fetch_add(1, std::memory_order_relaxed);
            }
        }));
    }
    all.push_back(running.spawn([&common] {
        while (!common.stop.load(std::memory_order_relaxed)) {
            common.turns.fetch_add(1, std::memory_order_relaxed);
            this_coroutine::yield();
        }
    }));
    while (!enough.over()) {
        std::this_thread::sleep_for(5ms);
    }
    common.stop = true;
    for (auto& each : all) {
        each.join();
    }
    EXPECT_EQ(common.wrong, 0u);
    EXPECT_GT(common.rounds, 0u);
    EXPECT_TRUE(enough.reached());
    if (wanted.moves_without_need) {
        EXPECT_GT(running.metrics().stack_copies, 0u);
    }
}

// So many frames of a few hundred bytes, each with an address of its own in it; at the innermost `function()`. Returns
// whether every frame was as it was left.
template <class Function>
MOOR_NOINLINE bool below_frames(unsigned frames, const Function& function) {
    if (frames == 0) {
        function();
        return true;
    }
    std::array<volatile std::uint64_t, 40> words;
    volatile std::uint64_t* volatile first = words.data();
    for (std::size_t index = 0; index != words.size(); ++index) {
        words[index] = frames * std::uint64_t{1'000} + index;
    }
    bool right = below_frames(frames - 1, function);
    for (std::size_t index = 0; index != words.size(); ++index) {
        right = right && words[index] == frames * std::uint64_t{1'000} + index && first[index] == words[index];
    }
    return right && first == words.data();
}

TEST_P(preempted_stacks, grow_right_after_a_preemption) {
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t round) {
        spin_until_preempted(common);
        return below_frames(1 + static_cast<unsigned>(round * 7 % 90), [] {});
    });
}

TEST_P(preempted_stacks, are_preempted_right_after_growth) {
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t round) {
        return below_frames(1 + static_cast<unsigned>(round * 7 % 90), [&common] { spin_until_preempted(common); });
    });
}

TEST_P(preempted_stacks, grow_shrink_and_move_all_the_time) {
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t round) {
        const bool deep = below_frames(1 + static_cast<unsigned>(round * 11 % 60), [&common, round] {
            if (round % 16 == 0) {
                spin_until_preempted(common);
            } else if (round % 4 == 0) {
                this_coroutine::yield();
            }
        });
        if (round % 8 == 0) {
            this_coroutine::yield();
        }
        return deep && below_frames(static_cast<unsigned>(round % 5), [] {});
    });
}

TEST_P(preempted_stacks, visit_the_systems) {
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t round) {
        bool undisturbed = false;
        std::uint64_t local = round;
        on_system_stack([&]() noexcept {
            const std::uint64_t before = common.turns.load();
            test::count_to(2'000'000);
            undisturbed = common.turns.load() == before;
            ++local;
        });
        spin_until_preempted(common);
        return undisturbed && local == round + 1;
    });
}

TEST_P(preempted_stacks, keep_the_addresses_of_locals) {
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t) {
        volatile std::uint64_t local = 5;
        const std::uint64_t place = ~reinterpret_cast<std::uint64_t>(&local);
        spin_until_preempted(common);
        this_coroutine::yield();
        spin_until_preempted(common);
        return ~place == reinterpret_cast<std::uint64_t>(&local) && local == 5;
    });
}

TEST_P(preempted_stacks, have_the_room_that_was_asked_for) {
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t) {
        ensure_stack(std::size_t{16} * 1024);
        spin_until_preempted(common);
        return below_frames(20, [&common] { spin_until_preempted(common); });
    });
}

TEST_P(preempted_stacks, carry_exceptions) {
    constexpr std::uint64_t no_round = ~std::uint64_t{0};
    expect_in_place(GetParam(), [](const shared& common, std::uint64_t round) {
        bool caught_it = false;
        try {
            below_frames(1 + static_cast<unsigned>(round % 30), [&common, round] {
                spin_until_preempted(common);
                if (round != no_round) { // always; GCC takes a recursion that only a throw ends for endless
                    throw round;
                }
            });
        } catch (const std::uint64_t& caught) {
            spin_until_preempted(common);
            caught_it = caught == round;
        }
        return caught_it;
    });
}

} // namespace
} // namespace moor
