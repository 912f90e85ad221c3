// Pauses, then yields the thread, then sleeps for a millisecond at a time, so that a thread of lower priority gets to
// run.
#include "win/spinning.hpp"

#include "win/compiler.hpp"
#include "win/last_error_scope.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

void spinning::pause() noexcept {
    if (rounds_ < pauses) {
        ++rounds_;
        win::pause();
        return;
    }
    const last_error_scope kept;
    if (rounds_ < pauses + yields) {
        ++rounds_;
        call_on_system_stack([] { ::SwitchToThread(); });
    } else {
        call_on_system_stack([] { ::Sleep(1); });
    }
}

} // namespace moor::win
