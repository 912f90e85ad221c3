// A coroutine that exhausts its stack ends the process with a message that says which one and what to do about it.
#include "debug/stack_overflow.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/child.hpp"
#include "support/platform.hpp"
#include "support/run.hpp"
#include "win/teb.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto stack_overflow = static_cast<std::uint32_t>(STATUS_STACK_OVERFLOW);

// Recurses for ever with frames of that size, in a way that no optimizer turns into a loop.
template <std::size_t FrameBytes>
int recurse(int depth) {
    std::array<char, FrameBytes> frame;
    volatile char* const kept = frame.data();
    kept[0] = static_cast<char>(depth);
    kept[FrameBytes - 1] = static_cast<char>(depth);
    const int below = depth < 0 ? 0 : recurse<FrameBytes>(depth + 1);
    return below + kept[0] + kept[FrameBytes - 1];
}

template <std::size_t FrameBytes>
void overflow_in_runtime(const spawn_options& options) {
    test::in_runtime(1, [&options] { spawn(options, [] { return recurse<FrameBytes>(0); }).join(); });
}

void expect_report(const test::scenario& wanted, const char* name, const char* bytes) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, stack_overflow);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr(std::string("'") + name + "' has exhausted its stack of " + bytes + " bytes"),
                      HasSubstr("spawn_options::stack_size"), HasSubstr("runtime_options::stack_size")));
}

const test::scenario small_frames("small_frames", [] { overflow_in_runtime<64>({.name = "digger"}); });
TEST(stack_overflow, by_recursion) { expect_report(small_frames, "digger", "262144"); }

const test::scenario large_frames("large_frames", [] { overflow_in_runtime<64 * 1024>({.name = "big digger"}); });
TEST(stack_overflow, by_frames_larger_than_the_guard) { expect_report(large_frames, "big digger", "262144"); }

const test::scenario page_frames("page_frames", [] { overflow_in_runtime<4096>({.name = "page digger"}); });
TEST(stack_overflow, by_frames_of_a_page) { expect_report(page_frames, "page digger", "262144"); }

const test::scenario one_frame("one_frame", [] { overflow_in_runtime<400 * 1024>({.name = "leaper"}); });
TEST(stack_overflow, by_one_frame_larger_than_the_stack) { expect_report(one_frame, "leaper", "262144"); }

const test::scenario smallest("smallest", [] { overflow_in_runtime<64>({.name = "narrow", .stack_size = 1}); });
TEST(stack_overflow, of_the_smallest_stack) { expect_report(smallest, "narrow", "65536"); }

const test::scenario largest("largest",
                             [] { overflow_in_runtime<1000>({.name = "wide", .stack_size = 16 * 1024 * 1024}); });
TEST(stack_overflow, of_a_large_stack) { expect_report(largest, "wide", "16777216"); }

const test::scenario unnamed("unnamed", [] { overflow_in_runtime<64>({}); });
TEST(stack_overflow, of_a_coroutine_without_a_name) { expect_report(unnamed, "", "262144"); }

// All that was asked for is the program's, from the first frame on.
int fill(const std::byte* until) {
    std::array<char, 128> frame;
    volatile char* const kept = frame.data();
    kept[0] = 'x';
    const auto* const here = reinterpret_cast<const std::byte*>(frame.data());
    return here - until < 512 ? 0 : fill(until) + (kept[0] == 'x' ? 1 : 0);
}

void fill_smallest() {
    const auto* const base = reinterpret_cast<const std::byte*>(win::teb::read(win::teb::field::stack_base));
    const std::byte here{};
    const bool is_near_base = base - &here < 2048;
    const bool is_smallest = this_coroutine::stack_size() == 64 * 1024;
    const int frames = fill(base - 64 * 1024);
    std::_Exit(is_near_base && is_smallest && frames > 100 ? 0 : 1);
}

const test::scenario filled("filled", [] {
    test::in_runtime(1, [] { spawn({.name = "thorough", .stack_size = 1}, fill_smallest).join(); });
});
TEST(stack_overflow, is_none_while_what_was_asked_for_is_filled) {
    const auto end = test::run_in_child(filled);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 0u);
    EXPECT_EQ(end.error_output, "");
}

// The stack has been deep in and was trimmed: its guard must be there again.
const test::scenario reused("reused", [] {
    test::in_runtime(1, [] {
        for (int round = 0; round < 3; ++round) {
            spawn([] {
                std::array<char, 200 * 1024> frame;
                volatile char* const kept = frame.data();
                kept[0] = 'x';
                this_coroutine::yield();
            }).join();
        }
        spawn({.name = "heir"}, [] { return recurse<64>(0); }).join();
    });
});
TEST(stack_overflow, of_a_stack_that_others_grew_before) { expect_report(reused, "heir", "262144"); }

// After suspensions, on a worker that it did not start on, among others.
const test::scenario travelled("travelled", [] {
    test::in_runtime(2, [] {
        for (int number = 0; number < 50; ++number) {
            spawn({.name = "bystander"}, [] { this_coroutine::sleep_for(1h); });
        }
        spawn({.name = "traveller"}, [] {
            for (int round = 0; round < 20; ++round) {
                this_coroutine::sleep_for(100us);
            }
            return recurse<100>(0);
        }).join();
    });
});
TEST(stack_overflow, after_suspensions_and_among_others) { expect_report(travelled, "traveller", "262144"); }

const test::scenario in_catch_block("in_catch_block", [] {
    test::in_runtime(1, [] {
        spawn({.name = "catcher"}, [] {
            try {
                throw std::runtime_error("first");
            } catch (const std::runtime_error&) {
                this_coroutine::yield();
                return recurse<64>(0);
            }
        }).join();
    });
});
TEST(stack_overflow, while_an_exception_is_handled) { expect_report(in_catch_block, "catcher", "262144"); }

// The report is about coroutines only.
const test::scenario on_plain_thread("on_plain_thread", [] {
    runtime running(test::with_workers(1));
    recurse<64>(0);
});
TEST(stack_overflow, of_a_plain_thread_is_not_taken_for_a_coroutines) {
    if (test::under_wine()) {
        GTEST_SKIP() << "Wine ends only the thread, and the process stays";
    }
    const auto end = test::run_in_child(on_plain_thread);
    EXPECT_FALSE(end.hung);
    EXPECT_NE(end.exit_status, 0u);
    EXPECT_THAT(end.error_output, Not(HasSubstr("coroutine")));
}

// Other faults keep their meaning: nothing is said about stacks.
const test::scenario bad_pointer("bad_pointer", [] {
    test::in_runtime(1, [] {
        spawn({.name = "stray"}, [] {
            volatile int* volatile nowhere = nullptr;
            *nowhere = 1;
        }).join();
    });
});
TEST(stack_overflow, is_not_what_a_bad_pointer_is_called) {
    const auto end = test::run_in_child(bad_pointer);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, static_cast<std::uint32_t>(STATUS_ACCESS_VIOLATION));
    EXPECT_THAT(end.error_output, Not(HasSubstr("exhausted")));
}

} // namespace
} // namespace moor
