// How long those who become ready wait while every worker has coroutines that compute: for the test and the benchmark
// of the bound in docs/scheduling.md. Measured in time, and in turns of those who compute, which a loaded machine does
// not make more.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <moor/runtime.hpp>

namespace moor::test {

/// How those who compute give way.
enum class giving_way {
    preempted,    ///< not at all: the monitor interrupts them after a slice
    maybe_yield,  ///< they call maybe_yield() all the time
    yield,        ///< they compute for nine milliseconds and yield
    medium_turns, ///< many of them, 0.3 ms each: no turn is long
};

/// What is waited for.
enum class awaited { datagram, tcp_round_trip, timer, accept, wake_by_thread, spawn_by_thread, stop_by_thread };

inline constexpr awaited all_awaited[] = {awaited::datagram,      awaited::tcp_round_trip, awaited::timer,
                                          awaited::accept,        awaited::wake_by_thread, awaited::spawn_by_thread,
                                          awaited::stop_by_thread};

[[nodiscard]] const char* to_string(giving_way how) noexcept;
[[nodiscard]] const char* to_string(awaited what) noexcept;

struct measured_wait {
    std::chrono::steady_clock::duration time{};
    std::uint64_t turns = 0; ///< of all who compute
};

struct wait_setup {
    unsigned workers = 1;
    unsigned computing = 1; ///< coroutines
    giving_way how = giving_way::preempted;
};

/// So many waits of one kind, after those who compute have had their first turns. From a plain thread.
[[nodiscard]] std::vector<measured_wait> measure_waits(const wait_setup& setup, awaited what, unsigned rounds);

} // namespace moor::test
