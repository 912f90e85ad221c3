// What a machine that others use as well adds to times, for tests which bound them: a limit that the library has to
// keep holds on top of what a plain thread meets in the same run.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <thread>

namespace moor::test {

/// While it lives, a thread without moor sleeps for a millisecond at a time.
/// Made outside of coroutines: it starts a thread, which blocks.
class machine_delay {
public:
    machine_delay() : thread_([this](const std::stop_token& stop) { sleep_and_note(stop); }) {}

    machine_delay(const machine_delay&) = delete;
    machine_delay& operator=(const machine_delay&) = delete;

    /// The longest that the thread was late until now. Includes the granularity of the system's timer.
    [[nodiscard]] std::chrono::nanoseconds longest() const noexcept {
        return std::chrono::nanoseconds(longest_.load());
    }
    /// How often it woke.
    [[nodiscard]] std::uint64_t wakes() const noexcept { return wakes_.load(); }

private:
    void sleep_and_note(const std::stop_token& stop) {
        constexpr std::chrono::milliseconds time(1);
        while (!stop.stop_requested()) {
            const auto begin = std::chrono::steady_clock::now();
            std::this_thread::sleep_for(time);
            const std::chrono::nanoseconds late = std::chrono::steady_clock::now() - begin - time;
            longest_ = std::max(longest_.load(), static_cast<std::int64_t>(late.count()));
            ++wakes_;
        }
    }

    std::atomic<std::int64_t> longest_{0}; // nanoseconds
    std::atomic<std::uint64_t> wakes_{0};
    std::jthread thread_; // last: it uses the others
};

} // namespace moor::test
