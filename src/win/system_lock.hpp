// The lock for what may take long while it is held (a system call, building objects): waiters sleep in the kernel.
// Rejected: std::mutex, which MinGW builds on thread-local lookups that clear the last error of the running coroutine.
#pragma once

#include "win/windows.hpp"

namespace moor::win {

/// Usable with std::lock_guard, from any thread. Not recursive. Leaves the thread's last error alone.
/// A coroutine must not suspend while it holds one.
class system_lock {
public:
    system_lock() noexcept = default;
    system_lock(const system_lock&) = delete;
    system_lock& operator=(const system_lock&) = delete;

    void lock() noexcept { ::AcquireSRWLockExclusive(&lock_); }
    void unlock() noexcept { ::ReleaseSRWLockExclusive(&lock_); }

private:
    SRWLOCK lock_ = SRWLOCK_INIT;
};

} // namespace moor::win
