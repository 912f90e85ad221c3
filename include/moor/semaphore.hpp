// Counting semaphore: bounds how many coroutines do something at a time, or how much of something is in use.
//
//     moor::semaphore slots(8); // at most eight requests on their way to the database
//
//     reply ask(const request& question) {
//         slots.acquire(2s);
//         const auto give_back = finally([&] { slots.release(); });
//         return database.query(question);
//     }
#pragma once

#include <cstddef>
#include <limits>
#include <system_error>

#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// For coroutines as well as plain threads. Fair: served strictly in order of arrival, so one that asks for many units
/// is not starved by those that ask for few; they wait behind it even when there would be enough for them.
class semaphore {
public:
    /// With so many units free at first.
    constexpr explicit semaphore(std::size_t units = 0) noexcept : units_(units) {}
    /// It must not be waited for.
    ~semaphore();
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;

    /// Suspends until `units` units are the caller's. A point where the coroutine can be stopped. Throws
    /// std::system_error timed_out or operation_canceled, with no unit taken.
    void acquire(std::size_t units = 1, const wait_limit& limit = no_limit);
    void acquire(const wait_limit& limit) { acquire(1, limit); }

    /// Whether the units are the caller's; otherwise `error` is timed_out or operation_canceled.
    bool acquire(std::size_t units, const wait_limit& limit, std::error_code& error) noexcept;
    bool acquire(const wait_limit& limit, std::error_code& error) noexcept { return acquire(1, limit, error); }

    /// Never suspends. False when there are too few units, or others wait for theirs.
    [[nodiscard]] bool try_acquire(std::size_t units = 1) noexcept;

    /// Gives units back (or adds new ones). Never suspends; any coroutine or thread. Throws std::system_error
    /// value_too_large when there would be more than max_units; nothing is added then.
    void release(std::size_t units = 1);

    /// Units that are free at this moment.
    [[nodiscard]] std::size_t available() const noexcept;

    /// The largest number of free units.
    static constexpr std::size_t max_units = (std::numeric_limits<std::size_t>::max)();

private:
    class grant;

    [[nodiscard]] detail::wake_reason take_or_wait(std::size_t units, const wait_limit& limit) noexcept;

    // All guarded by lock_. A waiter's units are in waiter::index.
    mutable detail::spin_lock lock_;
    std::size_t units_;
    detail::wait_queue waiters_;
};

} // namespace moor
