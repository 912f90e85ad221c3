// Shrinking: a stack that has become too large is halved after enough calm suspensions, and no program, however it goes
// up and down, has its stack copied back and forth for long.
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "stack/on_movable.hpp"

namespace moor {
namespace {

using test::grow_by_kibibytes;

constexpr std::size_t kibibyte = 1024;

/// Whether these tests see shrinking at all: with force_move each suspension is a move to the same size.
bool shrinks() { return !test::switches().shrink_off && !test::switches().force_move; }

void yield_times(unsigned count) {
    for (unsigned round = 0; round < count; ++round) {
        this_coroutine::yield();
    }
}

TEST(shrink, comes_after_enough_calm_suspensions) {
    struct seen {
        std::size_t grown;
        std::size_t after_few;
        std::size_t after_many;
        std::uint64_t copies_down;
        std::uint64_t copies_later;
    };
    const seen found = test::on_movable([] {
        seen result{};
        static_cast<void>(grow_by_kibibytes(40));
        result.grown = this_coroutine::stack_size();
        yield_times(5);
        result.after_few = this_coroutine::stack_size();
        const auto copies = this_coroutine::stack_copies();
        yield_times(200);
        result.after_many = this_coroutine::stack_size();
        result.copies_down = this_coroutine::stack_copies() - copies;
        yield_times(2000);
        result.copies_later = this_coroutine::stack_copies() - copies - result.copies_down;
        return result;
    });
    EXPECT_EQ(found.grown, 64 * kibibyte);
    EXPECT_EQ(found.after_few, 64 * kibibyte);
    if (shrinks()) {
        EXPECT_LE(found.after_many, 4 * kibibyte);
        EXPECT_LE(found.copies_down, 5u);
        EXPECT_EQ(found.copies_later, 0u);
    } else {
        EXPECT_EQ(found.after_many, 64 * kibibyte);
    }
}

TEST(shrink, leads_back_from_a_slot_to_a_segment) {
    const auto size = test::on_movable([] {
        static_cast<void>(grow_by_kibibytes(1000));
        yield_times(400);
        return this_coroutine::stack_size();
    });
    if (shrinks()) {
        EXPECT_LE(size, 4 * kibibyte);
    } else if (test::switches().shrink_off) {
        EXPECT_GE(size, 1000 * kibibyte);
    } // force_move leaves slots alone
}

TEST(shrink, never_goes_below_the_size_that_was_asked_for) {
    const auto size = test::on_movable(
        [] {
            static_cast<void>(grow_by_kibibytes(40));
            yield_times(500);
            return this_coroutine::stack_size();
        },
        {.stack_size = 16 * kibibyte});
    EXPECT_GE(size, 16 * kibibyte);
    if (shrinks()) {
        EXPECT_EQ(size, 16 * kibibyte);
    }
}

TEST(shrink, does_not_come_while_the_stack_is_in_use) {
    struct seen {
        std::size_t size = 0;
        bool intact = false;
    };
    const seen found = test::on_movable([] {
        seen result;
        result.intact = test::below_frame<20 * kibibyte>(3, [&result] {
            yield_times(300);
            result.size = this_coroutine::stack_size();
        });
        return result;
    });
    EXPECT_GE(found.size, 32 * kibibyte);
    EXPECT_TRUE(found.intact);
}

/// Copies of a coroutine that goes so deep every `period`-th time and suspends each time.
std::uint64_t copies_of_loop(unsigned kibibytes, unsigned period, unsigned rounds) {
    return test::on_movable([=] {
        for (unsigned round = 0; round < rounds; ++round) {
            if (round % period == 0) {
                static_cast<void>(grow_by_kibibytes(kibibytes));
            }
            this_coroutine::yield();
        }
        return this_coroutine::stack_copies();
    });
}

TEST(shrink, does_not_copy_back_and_forth_in_a_loop_that_goes_deep_each_time) {
    if (test::moves_without_need()) {
        GTEST_SKIP() << "force_move copies at each suspension";
    }
    EXPECT_LE(copies_of_loop(3, 1, 5000), 3u);
    EXPECT_LE(copies_of_loop(20, 1, 5000), 5u);
    EXPECT_LE(copies_of_loop(100, 1, 2000), 6u);
}

TEST(shrink, soon_stops_for_a_loop_that_goes_deep_now_and_then) {
    if (test::moves_without_need()) {
        GTEST_SKIP() << "force_move copies at each suspension";
    }
    for (const unsigned kibibytes : {3u, 10u, 40u, 100u}) {
        for (const unsigned period : {2u, 5u, 16u, 17u, 18u, 35u, 70u, 100u, 300u}) {
            const std::uint64_t copies = copies_of_loop(kibibytes, period, 20'000);
            // Each time it shrinks and grows again the patience doubles, from 16 suspensions until it outlasts the
            // period: five times for the longest one, with at most six moves down and up each.
            EXPECT_LE(copies, 6u + 5u * 12u) << kibibytes << " KiB every " << period << " suspensions";
        }
    }
}

TEST(shrink, leaves_contents_and_inner_addresses_right) {
    const bool right = test::on_movable([] {
        std::uint64_t value = 5;
        std::uint64_t* pointer = &value;
        bool all_right = true;
        for (unsigned round = 0; round < 30; ++round) {
            all_right &= grow_by_kibibytes(2 + round * 4);
            for (unsigned turn = 0; turn < 1000 && this_coroutine::stack_size() > 4 * kibibyte; ++turn) {
                ++*pointer;
                this_coroutine::yield();
                --value;
                all_right &= pointer == &value && *pointer == 5;
            }
        }
        return all_right;
    });
    EXPECT_TRUE(right);
}

} // namespace
} // namespace moor
