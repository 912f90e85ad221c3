// The lock inside every primitive that coroutines share. Held for tens of nanoseconds and never across a suspension, so
// that "none blocks a worker thread" holds; a waiter that spins too long gives its processor to the lock's holder.
#pragma once

#include <atomic>

namespace moor::detail {

/// One byte, usable with std::lock_guard, from any thread. Not recursive.
/// Rejected: SRWLOCK, which costs two interlocked operations per round and eight bytes in every channel and waiter
/// list.
class spin_lock {
public:
    spin_lock() noexcept = default;
    spin_lock(const spin_lock&) = delete;
    spin_lock& operator=(const spin_lock&) = delete;

    // In src/win/spin_lock.hpp: only the library locks.
    inline void lock() noexcept;
    [[nodiscard]] inline bool try_lock() noexcept;
    inline void unlock() noexcept;

private:
    void lock_contended() noexcept;

    std::atomic<bool> held_{false};
};

} // namespace moor::detail
