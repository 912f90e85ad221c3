// Pauses, then yields the thread, then sleeps for a millisecond at a time, so that a thread of lower priority gets to
// run.
#include "win/spinning.hpp"

#include "win/compiler.hpp"
#include "win/last_error_scope.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"

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
        call_on_system_stack([] { system().yield_thread(); });
    } else {
        call_on_system_stack([] { system().sleep(1); });
    }
}

} // namespace moor::win
