// The loops of a file that write_loops.cpp has written: each runs as ordinary code on a stack that stays, as code with
// stack checks on one that stays, and on one that moves at every opportunity. All three have to give the same.
#include <cstdint>
#include <cstdio>

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

} // namespace

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

TEST(random_loops, are_right_while_the_stack_moves) {
    std::printf("[   seed   ] MOOR_TEST_SEED=%lu\n", static_cast<unsigned long>(loops_with_checks.seed));
    for (std::size_t index = 0; index <= known_highest; ++index) {
        read_by_loops[index] = index * 7 % 100;
    }
    runtime running({.workers = 1});
    std::uint64_t moves = 0;
    ASSERT_EQ(loops_with_checks.loops.size(), loops_without_checks.loops.size());
    for (std::size_t index = 0; index != loops_with_checks.loops.size(); ++index) {
        const random_loop& checked = loops_with_checks.loops[index];
        const outcome expected = run(running, loops_without_checks.loops[index], stack_kind::reserved);
        const outcome in_place = run(running, checked, stack_kind::reserved);
        const outcome moved = run(running, checked, stack_kind::movable);
        EXPECT_EQ(in_place.elements, expected.elements) << checked.name << " on a reserved stack";
        EXPECT_EQ(in_place.calls, expected.calls) << checked.name << " on a reserved stack";
        EXPECT_EQ(moved.elements, expected.elements) << checked.name;
        EXPECT_EQ(moved.calls, expected.calls) << checked.name;
        EXPECT_GT(moved.moves, 0u) << checked.name;
        moves += moved.moves;
    }
    std::printf("[  loops   ] %zu, %llu moves\n", loops_with_checks.loops.size(),
                static_cast<unsigned long long>(moves));
}

} // namespace
} // namespace moor::test
