// Mutual exclusion between coroutines. The owner is a coroutine, never a thread: a CRITICAL_SECTION lets two coroutines
// of one worker in at the same time, and blocks the worker for all others.
//
//     moor::mutex guard;
//     long balance = 0;
//
//     void deposit(long amount) {
//         std::lock_guard lock(guard); // std::unique_lock and std::scoped_lock work as well
//         balance += amount;           // may suspend here: the worker runs others, the lock stays this coroutine's
//     }
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <system_error>

#include <moor/detail/deadline.hpp>
#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// Not recursive. Meets the standard's TimedMutex requirements, with "thread" read as "coroutine or plain thread"; both
/// may use one mutex. Constant-initialised, 32 bytes.
///
/// Fair: unlock() hands the mutex to the coroutine that has waited longest, and none overtakes it. (Letting a running
/// coroutine overtake saves threads an expensive wake-up; between coroutines the wake-up is a switch.)
/// Locking and unlocking without contention is one interlocked operation each. What the previous owner wrote is visible
/// to the next. Debug builds end the process when it is unlocked by another than its owner, or locked twice by the
/// same.
class mutex {
public:
    /// Not locked.
    constexpr mutex() noexcept = default;
    /// It must be neither held nor waited for.
    ~mutex();
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    /// Suspends the coroutine (blocks the plain thread) until the mutex is the caller's. Not ended by a request to
    /// stop, so that destructors and clean-up code can use it.
    void lock() noexcept;

    /// The same with a limit, and a point where the coroutine can be stopped. Throws std::system_error timed_out or
    /// operation_canceled; the mutex is not the caller's then.
    void lock(const wait_limit& limit);

    /// Whether it is the caller's; otherwise `error` is timed_out or operation_canceled.
    bool lock(const wait_limit& limit, std::error_code& error) noexcept;

    /// Never suspends. False when it is held.
    [[nodiscard]] bool try_lock() noexcept;

    /// Waits at most that long; false when it did not become the caller's. Not ended by a request to stop.
    template <class Representation, class Period>
    [[nodiscard]] bool try_lock_for(const std::chrono::duration<Representation, Period>& duration) noexcept {
        return try_lock_within(wait_limit(duration));
    }

    /// The same until `when`.
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& when) noexcept {
        return try_lock_within(detail::deadline_at(when));
    }

    /// Only by the owner. Never suspends; the next owner runs soon, on this worker or another. The last access to the
    /// mutex: the next owner may destroy it.
    void unlock() noexcept;

private:
    // free -> held and back by compare-and-swap; everything with `contended` only under queue_lock_.
    enum word : std::uint32_t { free = 0, held = 1, contended = 2 };

    [[nodiscard]] bool try_lock_within(const wait_limit& limit) noexcept;
    [[nodiscard]] bool try_take() noexcept;
    [[nodiscard]] detail::wake_reason take_or_wait(const wait_limit& limit, detail::stop_request stopping) noexcept;
    void hand_over() noexcept;

    std::atomic<std::uint32_t> state_{free};
    detail::spin_lock queue_lock_;
    detail::wait_queue waiters_;          // guarded by queue_lock_; not empty only while state_ has `contended`
    std::atomic<std::uint64_t> owner_{0}; // who holds it, as sync/ownership.hpp says; 0 when free
};

} // namespace moor
