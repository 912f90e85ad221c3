// In code with stack checks a thread_local variable that is named after a suspension is that of the thread that goes
// on.
#include <atomic>
#include <chrono>
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
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (found.changes < wanted_changes && std::chrono::steady_clock::now() < end) {
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

// Keeps a worker busy half of the time, so that the other one takes what waits there.
void come_and_go(const std::atomic<bool>& over) {
    while (!over) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
        while (std::chrono::steady_clock::now() < end) {
        }
        this_coroutine::sleep_for(std::chrono::milliseconds(1));
    }
}

TEST(thread_locals, are_those_of_the_thread_that_goes_on) {
    constexpr unsigned wanted_changes = 20;
    std::atomic<bool> over = false;
    const result found = test::in_runtime(2, [&over] {
        auto first = spawn({.worker = 0}, [&over] { come_and_go(over); });
        auto second = spawn({.worker = 1}, [&over] { come_and_go(over); });
        const result all = spawn({.stack = stack_kind::movable}, [] { return write_and_yield(wanted_changes); }).join();
        over = true;
        first.join();
        second.join();
        return all;
    });
    EXPECT_EQ(found.changes, wanted_changes);
    EXPECT_EQ(found.wrong, 0u);
}

} // namespace
} // namespace moor
