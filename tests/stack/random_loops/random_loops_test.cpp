// The loops of the files that write_loops.cpp has written: each runs as ordinary code on a stack that stays, as code
// with stack checks on one that stays, and on one that moves at every opportunity. All three have to give the same.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "stack/on_movable.hpp"
#include "stack/random_loops/loops.hpp"

namespace moor::test {

volatile unsigned lowest = known_lowest;
volatile unsigned highest = known_highest;
volatile unsigned unknown_stride = 3;
volatile unsigned unknown_factor = 2;
volatile unsigned unknown_width = 3;
volatile std::size_t unknown_elements = loop_elements;
std::uint64_t read_by_loops[known_highest + 1];

namespace {

unsigned calls = 0;
mixed values;

std::vector<const random_loops*>& list(bool has_checks) {
    static std::vector<const random_loops*> lists[2];
    return lists[has_checks ? 1 : 0];
}

} // namespace

random_loops::random_loops(bool has_checks, std::uint32_t seed, std::span<const random_loop> loops)
    : seed_(seed), loops_(loops) {
    list(has_checks).push_back(this);
}

std::span<const random_loops* const> random_loops::all(bool has_checks) {
    std::sort(list(has_checks).begin(), list(has_checks).end(),
              [](const random_loops* one, const random_loops* other) { return one->seed() < other->seed(); });
    return list(has_checks);
}

void begin_loop() noexcept {
    calls = 0;
    values = {};
}

std::uint64_t calls_so_far() noexcept { return values.value(); }

[[gnu::noinline]] void called(std::uint64_t value) {
    values << value;
    ++calls;
    if (calls % 8 == 5) {
        static_cast<void>(grow_by_kibibytes(calls % 32));
    } else if (calls % 8 == 2) {
        this_coroutine::yield();
    }
}

namespace {

struct outcome {
    std::uint64_t elements = 0;
    std::uint64_t calls = 0;
    std::uint64_t moves = 0;
};

outcome run(runtime& in, const random_loop& loop, stack_kind stack) {
    return in
        .spawn({.stack = stack},
               [&loop] {
                   begin_loop();
                   const std::uint64_t elements = loop.run();
                   return outcome{elements, calls_so_far(), this_coroutine::stack_copies()};
               })
        .join();
}

// Returns the number of moves.
std::uint64_t compare(runtime& in, const random_loop& plain, const random_loop& checked) {
    const outcome expected = run(in, plain, stack_kind::reserved);
    const outcome in_place = run(in, checked, stack_kind::reserved);
    const outcome moved = run(in, checked, stack_kind::movable);
    EXPECT_EQ(in_place.elements, expected.elements) << checked.name << " on a reserved stack";
    EXPECT_EQ(in_place.calls, expected.calls) << checked.name << " on a reserved stack";
    EXPECT_EQ(moved.elements, expected.elements) << checked.name;
    EXPECT_EQ(moved.calls, expected.calls) << checked.name;
    EXPECT_GT(moved.moves, 0u) << checked.name;
    return moved.moves;
}

TEST(random_loops, are_right_while_the_stack_moves) {
    for (std::size_t index = 0; index <= known_highest; ++index) {
        read_by_loops[index] = index * 7 % 100;
    }
    const auto all = random_loops::all(true);
    const auto plain = random_loops::all(false);
    ASSERT_FALSE(all.empty());
    ASSERT_EQ(all.size(), plain.size());
    runtime running({.workers = 1});
    for (std::size_t file = 0; file != all.size(); ++file) {
        ASSERT_EQ(all[file]->seed(), plain[file]->seed());
        ASSERT_EQ(all[file]->loops().size(), plain[file]->loops().size());
        SCOPED_TRACE("MOOR_TEST_SEED=" + std::to_string(all[file]->seed()));
        std::uint64_t moves = 0;
        for (std::size_t index = 0; index != all[file]->loops().size(); ++index) {
            moves += compare(running, plain[file]->loops()[index], all[file]->loops()[index]);
        }
        std::printf("[   seed   ] MOOR_TEST_SEED=%lu: %zu loops, %llu moves\n",
                    static_cast<unsigned long>(all[file]->seed()), all[file]->loops().size(),
                    static_cast<unsigned long long>(moves));
    }
}

} // namespace
} // namespace moor::test
