// Suspending another thread, as all of the library does it: one at a time in the process, and none any more once the
// process is about to end. Keeps "never suspend a thread and then take a lock that it may hold": whoever has a right
// has taken all locks that it needs before, and calls nothing but the table's functions while a thread is suspended.
#pragma once

#include "preempt/thread_calls.hpp"

namespace moor::preempt {

/// The right to suspend threads: one in the process. Blocks while somebody else has it.
class [[nodiscard]] suspension_right {
public:
    suspension_right() noexcept;
    ~suspension_right();
    suspension_right(const suspension_right&) = delete;
    suspension_right& operator=(const suspension_right&) = delete;

    /// False: the process is about to end, and no thread is suspended any more.
    [[nodiscard]] explicit operator bool() const noexcept;
};

/// From now on no thread is suspended any more: the process is about to end, and a thread that the system ends while it
/// has another one suspended would leave that one so. Called by the C runtime's exit and by win::fatal; see
/// prepare_process_exit.
void forbid_suspending() noexcept;

/// Has forbid_suspending called when the process ends by exit(), by a return from main or by win::fatal. Once is
/// enough. ExitProcess, called directly, is not noticed: docs/preemption.md.
void prepare_process_exit() noexcept;

/// A request that a thread stays suspended as long as this lives. SuspendThread does not wait until the thread has
/// stopped: it has once the table's get_context has returned, and nothing of the thread may be looked at before. Under
/// a right.
class suspended_thread {
public:
    suspended_thread(const thread_calls& system, HANDLE thread) noexcept
        : system_(system), thread_(system.suspend(thread) != static_cast<DWORD>(-1) ? thread : nullptr) {}
    ~suspended_thread() {
        if (thread_ != nullptr) {
            resume();
        }
    }
    suspended_thread(const suspended_thread&) = delete;
    suspended_thread& operator=(const suspended_thread&) = delete;
    /// False: the system refused.
    [[nodiscard]] explicit operator bool() const noexcept { return thread_ != nullptr; }

private:
    void resume() const noexcept;

    const thread_calls& system_;
    const HANDLE thread_;
};

} // namespace moor::preempt
