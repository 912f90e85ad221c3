// A million parked coroutines on movable stacks, and what each of them costs the process, by the system's own counters.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/semaphore.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "win/windows.hpp"
// After it:
#include <psapi.h>

namespace moor {
namespace {

constexpr std::uint64_t million = 1'000'000;

struct process_memory {
    std::uint64_t committed = 0; // bytes, private
    std::uint64_t resident = 0;  // bytes
};

process_memory memory_now() {
    PROCESS_MEMORY_COUNTERS_EX counters{};
    counters.cb = sizeof counters;
    if (::K32GetProcessMemoryInfo(::GetCurrentProcess(), reinterpret_cast<PROCESS_MEMORY_COUNTERS*>(&counters),
                                  sizeof counters) == FALSE) {
        ADD_FAILURE() << "no memory counters: " << ::GetLastError();
    }
    return {counters.PrivateUsage, counters.WorkingSetSize};
}

TEST(million, parked_coroutines_cost_their_segment_and_a_control_block) {
    constexpr std::uint64_t most_bytes_each = 2560;
    constexpr std::uint64_t most_resident = 2'600'000'000;

    runtime running({.workers = 1});
    semaphore gate(0);
    std::atomic<std::uint64_t> arrived{0};
    std::atomic<std::uint64_t> moved{0};
    process_memory with_all;
    const process_memory before = memory_now();
    running.run([&] {
        for (std::uint64_t number = 0; number < million; ++number) {
            spawn({.stack = stack_kind::movable}, [gate_of_all = &gate, counter = &arrived, moves = &moved] {
                counter->fetch_add(1, std::memory_order_relaxed);
                gate_of_all->acquire();
                moves->fetch_add(this_coroutine::stack_copies(), std::memory_order_relaxed);
            });
            if (number % 64 == 0) {
                this_coroutine::yield(); // lets them start, and park
            }
        }
        while (arrived.load() != million) {
            this_coroutine::yield();
        }
        this_coroutine::yield(); // the last one is parked too
        with_all = memory_now();
        gate.release(million);
        while (running.metrics().coroutines_alive != 1) {
            this_coroutine::yield();
        }
    });

    const std::uint64_t committed_each = (with_all.committed - before.committed) / million;
    const std::uint64_t resident_each = (with_all.resident - before.resident) / million;
    fmt::print("[ memory   ] {} parked coroutines: {} bytes each resident, {} committed; the process {} MB resident\n",
               million, resident_each, committed_each, with_all.resident / 1'000'000);
    EXPECT_EQ(moved.load(), 0u) << "parking took more than the first segment";
    EXPECT_GT(resident_each, 2048u) << "the counters do not count what they should";
    EXPECT_LE(committed_each, most_bytes_each);
    EXPECT_LE(resident_each, most_bytes_each);
    EXPECT_LE(with_all.resident, most_resident);
}

} // namespace
} // namespace moor
