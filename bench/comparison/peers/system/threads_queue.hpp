// Locks, waiting, and the channels of the peer "threads": what a user writes with the system's slim lock and condition
// variables, which its documentation recommends for threads of one process over kernel objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "win/windows.hpp"

namespace moor::bench::peers {

/// The system's slim lock, for std::unique_lock and the like.
class slim_lock {
public:
    void lock() noexcept { ::AcquireSRWLockExclusive(&lock_); }
    void unlock() noexcept { ::ReleaseSRWLockExclusive(&lock_); }
    [[nodiscard]] PSRWLOCK native() noexcept { return &lock_; }

private:
    SRWLOCK lock_ = SRWLOCK_INIT;
};

/// The system's condition variable for it.
class condition {
public:
    /// With the lock held.
    template <class Predicate>
    void wait(slim_lock& held, Predicate holds) {
        while (!holds()) {
            ::SleepConditionVariableSRW(&condition_, held.native(), INFINITE, 0);
        }
    }
    void wake_one() noexcept { ::WakeConditionVariable(&condition_); }
    void wake_all() noexcept { ::WakeAllConditionVariable(&condition_); }

private:
    CONDITION_VARIABLE condition_ = CONDITION_VARIABLE_INIT;
};

/// Holds threads back until all of them may begin.
class starting_line {
public:
    void wait() {
        std::unique_lock held(lock_);
        begun_.wait(lock_, [this] { return open_; });
    }
    void open() {
        {
            const std::lock_guard held(lock_);
            open_ = true;
        }
        begun_.wake_all();
    }

private:
    slim_lock lock_;
    condition begun_;
    bool open_ = false;
};

/// A queue of numbers between threads.
class number_queue {
public:
    /// With capacity 0 a send ends when its number was taken.
    explicit number_queue(std::size_t capacity) : capacity_(capacity) {}

    void send(std::uint64_t number);
    /// Nothing when the queue is closed and empty.
    [[nodiscard]] std::optional<std::uint64_t> receive();
    /// Nothing is sent any more.
    void close();

private:
    const std::size_t capacity_;
    slim_lock lock_;
    condition not_full_;
    condition not_empty_;
    condition was_taken_; // unbuffered only
    std::deque<std::uint64_t> numbers_;
    std::uint64_t sent_ = 0;
    std::uint64_t taken_ = 0;
    bool closed_ = false;
};

} // namespace moor::bench::peers
