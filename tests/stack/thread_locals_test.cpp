// In code with stack checks a thread_local variable that is named after a suspension is that of the thread that goes
// on.
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "stack/on_movable.hpp"
#include "support/run.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

thread_local std::uint32_t last_writer = 0; // this thread's number once it was written

struct result {
    unsigned changes = 0; ///< of the thread, from one turn to the next
    unsigned wrong = 0;   ///< another thread's number was found in the variable
};

// Optimised code would compute the variable's address once, before the loop.
[[gnu::noinline]] result write_and_yield(unsigned wanted_changes) {
    result found;
    for (unsigned turn = 0; turn != 200'000 && found.changes < wanted_changes; ++turn) {
        const std::uint32_t before = ::GetCurrentThreadId();
        last_writer = before;
        this_coroutine::yield();
        const std::uint32_t after = ::GetCurrentThreadId();
        const std::uint32_t seen = last_writer;
        found.changes += after != before ? 1 : 0;
        found.wrong += seen != 0 && seen != after ? 1 : 0;
    }
    return found;
}

TEST(thread_locals, are_those_of_the_thread_that_goes_on) {
    constexpr unsigned coroutines = 5;
    constexpr unsigned wanted_changes = 20;
    result all;
    test::in_runtime(2, [&all] {
        std::array<join_handle<result>, coroutines> running;
        for (auto& each : running) {
            each = spawn({.stack = stack_kind::movable}, [] { return write_and_yield(wanted_changes); });
        }
        for (auto& each : running) {
            const result one = each.join();
            all.changes += one.changes;
            all.wrong += one.wrong;
        }
    });
    EXPECT_GE(all.changes, wanted_changes);
    EXPECT_EQ(all.wrong, 0u);
}

} // namespace
} // namespace moor
