// The lock for what may take long while it is held (a system call, building objects): waiters sleep in the kernel.
// Rejected: std::mutex, which MinGW builds on thread-local lookups that clear the last error of the running coroutine.
#pragma once

#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

/// Usable with std::lock_guard, from any thread. Not recursive. Leaves the thread's last error alone.
/// A coroutine must not suspend while it holds one, and is not preempted.
class system_lock {
public:
    constexpr system_lock() noexcept = default;
    system_lock(const system_lock&) = delete;
    system_lock& operator=(const system_lock&) = delete;

    void lock() noexcept {
        if (auto* const thread = system_stack::current()) {
            thread->begin_section();
        }
        if (::TryAcquireSRWLockExclusive(&lock_) == FALSE) { // a few instructions
            call_on_system_stack([this] { ::AcquireSRWLockExclusive(&lock_); });
        }
    }
    void unlock() noexcept {
        call_on_system_stack([this] { ::ReleaseSRWLockExclusive(&lock_); }); // it may have to wake others
        if (auto* const thread = system_stack::current()) {
            thread->end_section();
        }
    }

private:
    SRWLOCK lock_ = SRWLOCK_INIT;
};

} // namespace moor::win
