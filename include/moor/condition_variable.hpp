// Waiting for a condition that a mutex guards, for coroutines as well as plain threads.
//
//     moor::mutex guard;
//     moor::condition_variable changed;
//     std::deque<job> jobs;
//
//     job next_job() {
//         std::unique_lock lock(guard);
//         changed.wait(lock, [&] { return !jobs.empty(); });
//         job first = std::move(jobs.front());
//         jobs.pop_front();
//         return first;
//     }
//     void add_job(job added) {
//         { std::lock_guard lock(guard); jobs.push_back(std::move(added)); }
//         changed.notify_one();
//     }
#pragma once

#include <concepts>
#include <cstddef>
#include <mutex>
#include <system_error>
#include <utility>

#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/mutex.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// Every wait gives the mutex up while it is suspended and has it again when it returns or throws; getting it back is
/// not ended by deadline, token or stop. All waits are points where the coroutine can be stopped. They report timed_out
/// and operation_canceled, and operation_not_permitted when `lock` does not own its mutex.
///
/// There are no spurious wake-ups, and no lost ones: a notification never goes to a waiter whose wait has ended
/// otherwise. Another coroutine may still lock the mutex and change the condition first, hence the forms with
/// a predicate.
class condition_variable {
public:
    constexpr condition_variable() noexcept = default;
    /// Every waiter must have been notified; they need not have returned yet.
    ~condition_variable();
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;

    /// Suspends until notified. Throws std::system_error.
    void wait(std::unique_lock<mutex>& lock, const wait_limit& limit = no_limit);

    /// Whether it was notified; otherwise `error` says what ended the wait.
    bool wait(std::unique_lock<mutex>& lock, const wait_limit& limit, std::error_code& error) noexcept;

    /// Suspends until `condition()`, called with the mutex held, is true. Throws std::system_error when the wait ends
    /// before.
    template <std::predicate Predicate>
    void wait(std::unique_lock<mutex>& lock, Predicate condition) {
        while (!condition()) {
            wait(lock);
        }
    }

    template <std::predicate Predicate>
    void wait(std::unique_lock<mutex>& lock, const wait_limit& limit, Predicate condition) {
        std::error_code error;
        if (!wait(lock, limit, std::move(condition), error)) {
            throw std::system_error(error, "moor: condition_variable::wait");
        }
    }

    /// Returns the last value of `condition()`; when it is false, `error` says what ended the wait.
    template <std::predicate Predicate>
    bool wait(std::unique_lock<mutex>& lock, const wait_limit& limit, Predicate condition, std::error_code& error) {
        error.clear();
        while (!condition()) {
            if (!wait(lock, limit, error)) {
                const bool met = condition();
                if (met) {
                    error.clear();
                }
                return met;
            }
        }
        return true;
    }

    /// Wakes the one that has waited longest. Never suspends; with or without the mutex held; any coroutine or thread.
    void notify_one() noexcept;

    /// Wakes all that wait now. Otherwise as notify_one().
    void notify_all() noexcept;

private:
    [[nodiscard]] detail::wake_reason wait_unlocked(mutex& held, const wait_limit& limit) noexcept;

    detail::spin_lock lock_;
    detail::wait_queue waiters_; // guarded by lock_
    std::size_t inside_ = 0;     // guarded by lock_: waits that will still touch this object
};

} // namespace moor
