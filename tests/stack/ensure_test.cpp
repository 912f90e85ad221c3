// Movable stacks under code without stack checks, from any compiler: it says itself how much room it needs.
#include <moor/stack.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/semaphore.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "win/compiler.hpp"

namespace moor {
namespace {

constexpr std::size_t kibibyte = 1024;

// Uses `frames` frames of half a kibibyte each, which hold addresses of one another. True when all are intact.
MOOR_NOINLINE bool descend(unsigned frames, const volatile std::uint64_t* above) {
    std::array<volatile std::uint64_t, 48> own; // with its surroundings under half a kibibyte
    for (std::size_t index = 0; index < own.size(); ++index) {
        own[index] = frames * own.size() + index;
    }
    const bool below = frames == 0 || descend(frames - 1, own.data());
    for (std::size_t index = 0; index < own.size(); ++index) {
        if (own[index] != frames * own.size() + index) {
            return false;
        }
    }
    return below && (above == nullptr || above[0] == (frames + 1) * own.size());
}

struct seen {
    bool intact = false;
    std::uint64_t copies = 0;
    std::size_t size = 0;
};

template <class Body>
seen on_movable(Body body) {
    runtime running({.workers = 1});
    return running.spawn({.stack = stack_kind::movable}, body).join();
}

TEST(ensure_stack, makes_room_for_unchecked_code) {
    const seen found = on_movable([] {
        ensure_stack(20 * kibibyte);
        seen result;
        result.intact = descend(38, nullptr);
        result.copies = this_coroutine::stack_copies();
        result.size = this_coroutine::stack_size();
        return result;
    });
    EXPECT_TRUE(found.intact);
    EXPECT_EQ(found.copies, 1u);
    EXPECT_EQ(found.size, 32 * kibibyte);
}

TEST(ensure_stack, goes_beyond_segments) {
    const seen found = on_movable([] {
        ensure_stack(1000 * kibibyte);
        seen result;
        result.intact = descend(1900, nullptr);
        result.copies = this_coroutine::stack_copies();
        result.size = this_coroutine::stack_size();
        return result;
    });
    EXPECT_TRUE(found.intact);
    EXPECT_EQ(found.copies, 1u);
    EXPECT_EQ(found.size, runtime_options{}.largest_movable_stack);
}

TEST(ensure_stack, does_nothing_where_there_is_room_and_elsewhere) {
    const seen found = on_movable([] {
        seen result;
        ensure_stack(0);
        ensure_stack(100);
        result.copies = this_coroutine::stack_copies();
        return result;
    });
    EXPECT_EQ(found.copies, 0u);
    ensure_stack(100 * kibibyte); // on a plain thread
    runtime running({.workers = 1});
    EXPECT_EQ(running.run([] {
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
    EXPECT_GE(found.copies, 6u);
}

TEST(ensure_stack, is_followed_by_a_shrink_when_the_room_is_not_used) {
    const seen found = on_movable([] {
        ensure_stack(20 * kibibyte);
        for (int suspension = 0; suspension < 200; ++suspension) {
            this_coroutine::yield();
        }
        return seen{true, this_coroutine::stack_copies(), this_coroutine::stack_size()};
    });
    EXPECT_GT(found.copies, 1u);
    EXPECT_LE(found.size, 4 * kibibyte);
}

} // namespace
} // namespace moor
