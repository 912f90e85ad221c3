// One worker's sleepers: the wheel, its clock, and the lock that lets a coroutine which moved to another worker cancel
// its timer.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <moor/detail/wait.hpp>

#include "sched/timer_wheel.hpp"
#include "win/spin_lock.hpp"

namespace moor::sched {

using steady = wait_limit::clock;

class timers;

/// A timer that ends a wait. Lives on the waiting stack.
struct sleeper : timer_entry {
    explicit sleeper(detail::wait_ticket of) noexcept : ticket(of) {}

    const detail::wait_ticket ticket;
    timers* owner = nullptr;
};

class timers {
public:
    /// Ticks of 2^16 ns: fine enough for a millisecond's accuracy, coarse enough that a wheel level spans 4 ms.
    static constexpr unsigned tick_shift = 16;

    timers() noexcept : wheel_(elapsed_ticks(detail::now())) {}

    /// Wakes `entry`'s ticket with timed_out at or after `when`. The owning worker only, which is awake then; so no
    /// other thread has to be woken for the sake of an earlier deadline.
    void start(sleeper& entry, steady::time_point when) noexcept {
        entry.owner = this;
        const std::uint64_t due = due_tick(when);
        const std::lock_guard guard(lock_);
        wheel_.start(entry, due);
        count_.store(wheel_.size(), std::memory_order_relaxed);
    }

    /// After this the wheel does not know `entry` any more. Any worker.
    static void cancel(sleeper& entry) noexcept {
        timers& owner = *entry.owner;
        const std::lock_guard guard(owner.lock_);
        owner.wheel_.cancel(entry);
        owner.count_.store(owner.wheel_.size(), std::memory_order_relaxed);
    }

    /// Wakes all that are due. Any worker. True when there was one.
    bool expire(steady::time_point now) noexcept {
        if (empty()) {
            return false;
        }
        // Tickets are copied out, because waking under the lock would run into coroutines that cancel on other workers.
        std::array<detail::wait_ticket, 32> due;
        bool any = false;
        for (;;) {
            std::size_t count = 0;
            {
                const std::lock_guard guard(lock_);
                while (count < due.size()) {
                    auto* const expired = static_cast<sleeper*>(wheel_.expire(elapsed_ticks(now)));
                    if (expired == nullptr) {
                        break;
                    }
                    due[count++] = expired->ticket;
                }
                count_.store(wheel_.size(), std::memory_order_relaxed);
            }
            for (std::size_t index = 0; index < count; ++index) {
                due[index].wake(detail::wake_reason::timed_out);
            }
            any = any || count != 0;
            if (count < due.size()) {
                return any;
            }
        }
    }

    /// When to look again; time_point::max() when no timer runs.
    [[nodiscard]] steady::time_point next() noexcept {
        const std::lock_guard guard(lock_);
        const std::uint64_t tick = wheel_.next_due();
        return tick == timer_wheel::never ? steady::time_point::max()
                                          : steady::time_point(std::chrono::nanoseconds(tick << tick_shift));
    }

    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    static std::uint64_t elapsed_ticks(steady::time_point when) noexcept { return nanoseconds(when) >> tick_shift; }

    // Rounded up, so that no timer is early.
    static std::uint64_t due_tick(steady::time_point when) noexcept {
        return (nanoseconds(when) + (std::uint64_t{1} << tick_shift) - 1) >> tick_shift;
    }

    static std::uint64_t nanoseconds(steady::time_point when) noexcept {
        const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
        return since > 0 ? static_cast<std::uint64_t>(since) : 0;
    }

    detail::spin_lock lock_;
    timer_wheel wheel_;                 // guarded by lock_
    std::atomic<std::size_t> count_{0}; // wheel_.size(), to be read without the lock
};

} // namespace moor::sched
