// Room that a program asks for itself, for code without stack checks that has to stay on the coroutine's stack.
#include <moor/stack.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "stack/on_movable.hpp"

namespace moor {
namespace {

constexpr std::size_t kibibyte = 1024;

struct seen {
    bool intact = false;
    std::uint64_t copies = 0;
    std::size_t size = 0;
};

using test::on_movable;

TEST(ensure_stack, makes_room_that_is_there_without_another_move) {
    const seen found = on_movable([] {
        ensure_stack(20 * kibibyte);
        seen result;
        result.copies = this_coroutine::stack_copies();
        result.intact = test::grow_by_kibibytes(15) && this_coroutine::stack_copies() == result.copies;
        result.size = this_coroutine::stack_size();
        return result;
    });
    EXPECT_EQ(found.size, 32 * kibibyte);
    if (!test::moves_without_need()) {
        EXPECT_TRUE(found.intact);
        EXPECT_EQ(found.copies, 1u);
    }
}

TEST(ensure_stack, goes_beyond_segments) {
    const seen found = on_movable([] {
        ensure_stack(1000 * kibibyte);
        seen result;
        result.copies = this_coroutine::stack_copies();
        result.intact = test::grow_by_kibibytes(800) && this_coroutine::stack_copies() == result.copies;
        result.size = this_coroutine::stack_size();
        return result;
    });
    EXPECT_TRUE(found.intact);
    EXPECT_EQ(found.size, runtime_options{}.largest_movable_stack);
    if (!test::moves_without_need()) {
        EXPECT_EQ(found.copies, 1u);
    }
}

TEST(ensure_stack, does_nothing_where_there_is_room_and_elsewhere) {
    const seen found = on_movable([] {
        seen result;
        ensure_stack(0);
        ensure_stack(100);
        result.copies = this_coroutine::stack_copies();
        return result;
    });
    if (!test::moves_without_need()) {
        EXPECT_EQ(found.copies, 0u);
    }
    ensure_stack(100 * kibibyte); // on a plain thread
    EXPECT_EQ(test::in_runtime(1,
                               [] {
                                   ensure_stack(100 * kibibyte); // on a reserved stack
                                   return this_coroutine::stack_copies();
                               }),
              0u);
}

// What locals of the caller hold stays valid through the move: addresses of each other, in memory and in registers.
TEST(ensure_stack, takes_the_callers_frame_along) {
    const seen found = on_movable([] {
        std::array<std::uint64_t, 4> values{1, 2, 3, 4};
        std::array<std::uint64_t*, 4> places{};
        for (std::size_t index = 0; index < places.size(); ++index) {
            places[index] = &values[index];
        }
        std::uint64_t sum = 0;
        for (std::size_t room = 1; room <= 256; room *= 2) {
            ensure_stack(room * kibibyte);
            for (std::uint64_t* const place : places) {
                *place += 1;
            }
        }
        for (const std::uint64_t value : values) {
            sum += value;
        }
        return seen{sum == 1 + 2 + 3 + 4 + 4 * 9, this_coroutine::stack_copies(), 0};
    });
    EXPECT_TRUE(found.intact);
    EXPECT_GE(found.copies, 5u); // from a first segment of 4 KiB to 8, 16, 32 and 64, and to a slot
}

TEST(ensure_stack, is_followed_by_a_shrink_when_the_room_is_not_used) {
    const seen found = on_movable([] {
        ensure_stack(20 * kibibyte);
        for (int suspension = 0; suspension < 200; ++suspension) {
            this_coroutine::yield();
        }
        return seen{true, this_coroutine::stack_copies(), this_coroutine::stack_size()};
    });
    if (!test::switches().shrink_off && !test::switches().force_move) {
        EXPECT_GT(found.copies, 1u);
        EXPECT_LE(found.size, 4 * kibibyte);
    }
}

} // namespace
} // namespace moor
