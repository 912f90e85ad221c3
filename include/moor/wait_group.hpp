// Waits until a number of things are done, for coroutines as well as plain threads. To run coroutines and join them,
// take task_group, which also carries errors and stops.
//
//     moor::wait_group pending;
//     for (auto& part : parts) {
//         pending.add();
//         moor::spawn([&] { work(part); pending.done(); });
//     }
//     pending.wait();
#pragma once

#include <cstddef>
#include <system_error>

#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// A counter and those that wait for its zero. May be used again after a wait; a wait that the zero has ended returns
/// even when add() is called again at once. Everything before a done() happens before the return of the wait it ends.
class wait_group {
public:
    /// Counts down from `count`.
    constexpr explicit wait_group(std::size_t count = 0) noexcept : count_(count) {}
    /// No wait may be in progress. May follow the return of wait() at once, even while the last done() has not returned
    /// yet.
    ~wait_group();
    wait_group(const wait_group&) = delete;
    wait_group& operator=(const wait_group&) = delete;

    /// Counts up; before the thing counted starts, so that a wait cannot miss it. Never suspends; any coroutine or
    /// thread. Throws std::system_error value_too_large.
    void add(std::size_t count = 1);

    /// Counts down; the zero wakes all waiters. Never suspends; any coroutine or thread. Throws std::system_error
    /// invalid_argument when there is nothing to count down, which is an error in the program.
    void done();

    /// Suspends until the count is zero. A point where the coroutine can be stopped. Throws std::system_error timed_out
    /// or operation_canceled.
    void wait(const wait_limit& limit = no_limit);

    /// Whether the count was zero; otherwise `error` is timed_out or operation_canceled.
    bool wait(const wait_limit& limit, std::error_code& error) noexcept;

    /// The count at this moment.
    [[nodiscard]] std::size_t count() const noexcept;

private:
    [[nodiscard]] detail::wake_reason wait_for_zero(const wait_limit& limit) noexcept;

    // All guarded by lock_.
    mutable detail::spin_lock lock_;
    std::size_t count_;
    detail::wait_queue waiters_;
};

} // namespace moor
