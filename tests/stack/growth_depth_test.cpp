// How far a movable stack grows: to megabytes, and no further than runtime_options::largest_movable_stack. Overrunning
// that ends the process with a message.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>

#include "stack/on_movable.hpp"
#include "support/child.hpp"

namespace moor {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;

struct depth_seen {
    std::uint64_t frames = 0;
    std::uint64_t damaged = 0;
    std::size_t bytes = 0; // of all frames, on either stack
    std::uint64_t copies = 0;
};

// Frames of that size on either stack. Suspends once at the bottom.
template <std::size_t FrameBytes>
[[gnu::noinline]] void descend(std::size_t left, depth_seen& seen) {
    ++seen.frames;
    const bool intact = test::below_frame<FrameBytes>(static_cast<std::uint8_t>(seen.frames), [&seen, left] {
        seen.bytes += FrameBytes;
        if (left > FrameBytes) {
            descend<FrameBytes>(left - FrameBytes, seen);
        } else {
            this_coroutine::yield();
        }
    });
    seen.damaged += intact ? 0 : 1;
}

template <std::size_t FrameBytes>
void expect_depth(std::size_t bytes) {
    const depth_seen found = test::on_movable([bytes] {
        depth_seen seen;
        descend<FrameBytes>(bytes, seen);
        seen.copies = this_coroutine::stack_copies();
        return seen;
    });
    EXPECT_GE(found.bytes, bytes);
    EXPECT_EQ(found.damaged, 0u);
    if (!test::moves_without_need()) {
        EXPECT_LE(found.copies, 6u) << "each move doubles";
    }
}

TEST(growth_depth, megabytes_of_small_frames) { expect_depth<64>(mebibyte / 2); }
TEST(growth_depth, eight_megabytes_of_large_frames) { expect_depth<20'000>(8 * mebibyte); }
TEST(growth_depth, sixteen_megabytes) { expect_depth<4'000>(16 * mebibyte); }
TEST(growth_depth, every_size_on_the_way) {
    for (std::size_t bytes = 1 * kibibyte; bytes <= 130 * kibibyte; bytes += 1 * kibibyte) {
        expect_depth<16>(bytes);
        expect_depth<600>(bytes);
    }
}

// ---- The end -------------------------------------------------------------------------------------------------------

[[gnu::noinline]] int recurse(int depth) {
    const int deeper = depth < 0 ? 0 : recurse(depth + 1);
    asm volatile("");
    return deeper + depth;
}

template <std::size_t FrameBytes>
[[gnu::noinline]] int recurse_with_local(int depth) {
    std::array<char, FrameBytes> frame;
    test::keep(frame);
    frame[0] = static_cast<char>(depth);
    test::keep(frame);
    return depth < 0 ? 0 : recurse_with_local<FrameBytes>(depth + 1) + frame[0];
}

void overrun(int (*how)(int)) {
    runtime running({.workers = 1, .largest_movable_stack = mebibyte});
    running.spawn({.name = "digger", .stack = stack_kind::movable}, [how] { return how(0); }).join();
}

const test::scenario by_recursion("by_recursion", [] { overrun(&recurse); });
TEST(growth_end, of_the_largest_stack_by_recursion) {
    const auto end = test::run_in_child(by_recursion);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 0xc00000fdu); // STATUS_STACK_OVERFLOW
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("'digger' has exhausted its stack of 1048576 bytes"),
                                        HasSubstr("runtime_options::largest_movable_stack")));
}

void expect_end_by_locals(const test::scenario& wanted) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("'digger' needs "), HasSubstr(" bytes more for local variables"),
                                        HasSubstr("runtime_options::largest_movable_stack")));
}

const test::scenario by_locals("by_locals", [] { overrun(&recurse_with_local<1000>); });
TEST(growth_end, of_the_data_stack_by_recursion) { expect_end_by_locals(by_locals); }

const test::scenario by_one_frame("by_one_frame", [] { overrun(&recurse_with_local<2 * mebibyte>); });
TEST(growth_end, of_the_data_stack_by_one_frame) { expect_end_by_locals(by_one_frame); }

const test::scenario by_request("by_request", [] {
    runtime running({.workers = 1, .largest_movable_stack = mebibyte});
    running.spawn({.name = "asker", .stack = stack_kind::movable}, [] { ensure_stack(2 * mebibyte); }).join();
});
TEST(growth_end, of_the_largest_stack_by_request) {
    const auto end = test::run_in_child(by_request);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("'asker' needs 2097152 bytes of stack"),
                                        HasSubstr("runtime_options::largest_movable_stack")));
}

// What is asked for is there, at once, for code without checks.
TEST(growth_end, room_that_was_asked_for_is_there) {
    for (const std::size_t bytes :
         {std::size_t{1}, 1 * kibibyte, 10 * kibibyte, 60 * kibibyte, 65 * kibibyte, 500 * kibibyte, 3 * mebibyte}) {
        struct seen {
            std::size_t size;
            std::uint64_t later_copies;
        };
        const seen found = test::on_movable([bytes] {
            ensure_stack(bytes);
            const std::uint64_t before = this_coroutine::stack_copies();
            ensure_stack(bytes);
            return seen{this_coroutine::stack_size(), this_coroutine::stack_copies() - before};
        });
        EXPECT_GE(found.size, bytes);
        if (!test::moves_without_need()) {
            EXPECT_EQ(found.later_copies, 0u) << bytes;
        }
    }
}

} // namespace
} // namespace moor
