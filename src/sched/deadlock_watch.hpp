// Tells a deadlock from a wait for somebody outside the runtime. A healthy program is never ended: the process ends
// only when nobody is left who could wake a coroutine, and what cannot be known is at most reported.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <moor/detail/deadline.hpp>

#include "win/spin_lock.hpp"
#include "win/windows.hpp"

namespace moor::detail {
class runtime_core;
}

namespace moor::sched {

class deadlock_watch {
public:
    explicit deadlock_watch(detail::runtime_core& watched) noexcept : runtime_(watched) {}

    /// By the worker that is the last to fall asleep, with no timer of its own. How long it may sleep before it has to
    /// look again, in milliseconds, or INFINITE. Does not return when the deadlock is certain, unless it is only to be
    /// reported.
    [[nodiscard]] DWORD look() noexcept;

    /// After how much time in which nothing ran it is reported that all wait for other threads, if not for nobody.
    /// For tests, before anything runs.
    std::chrono::milliseconds unsure_after{10'000};

private:
    /// Time for those who are on their way, and so that a thread that wakes a coroutine time and again costs no more
    /// than before.
    static constexpr std::chrono::milliseconds first_look_after{50};

    [[nodiscard]] std::uint64_t waits() const noexcept;
    [[nodiscard]] bool waits_for_outside() const noexcept;
    void report(bool certain) noexcept;

    detail::runtime_core& runtime_;
    detail::spin_lock lock_; // only ever tried: the rest is used by one worker at a time
    bool suspected_ = false;
    std::uint64_t suspected_waits_ = 0; // of all coroutines, when that began; 0 before they were looked at
    detail::wait_clock::time_point suspected_since_{};
    bool reported_ = false; // this time, as certain
    bool reported_unsure_ = false;
};

} // namespace moor::sched
