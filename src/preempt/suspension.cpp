// One lock for all suspensions of the process (law 4). It is held while a thread is suspended. Once the process is
// about to end, no thread is suspended any more.
#include "preempt/suspension.hpp"

#include <cstdlib>
#include <mutex>

#include "win/error.hpp"
#include "win/insist.hpp"
#include "win/system_lock.hpp"

namespace moor::preempt {
namespace {

// Held while a thread is suspended.
win::system_lock suspending;
bool ending = false; // guarded by it

} // namespace

suspension_right::suspension_right() noexcept { suspending.lock(); }

suspension_right::~suspension_right() { suspending.unlock(); }

suspension_right::operator bool() const noexcept { return !ending; }

// A thread that stayed suspended would be a worker that hangs, with whatever locks it holds.
void suspended_thread::resume() const noexcept {
    for (win::insistence again("ResumeThread"); system_.resume(thread_) == static_cast<DWORD>(-1);) {
        win::call_before_fatal(nullptr); // forbid_suspending, for which this thread itself has the right
        again.refused(win::last_error_number());
        win::call_before_fatal(&forbid_suspending);
    }
}

void forbid_suspending() noexcept {
    const std::lock_guard guard(suspending);
    ending = true;
}

void prepare_process_exit() noexcept {
    win::call_before_fatal(&forbid_suspending);
    static const bool registered = std::atexit([] { forbid_suspending(); }) == 0;
    static_cast<void>(registered);
}

} // namespace moor::preempt
