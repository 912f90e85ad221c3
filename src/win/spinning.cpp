// See spinning.hpp.
#include "win/spinning.hpp"

#include "win/compiler.hpp"
#include "win/kept_last_error.hpp"
#include "win/own_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

void spinning::pause() noexcept {
    if (rounds_ < pauses) {
        ++rounds_;
        win::pause();
        return;
    }
    const kept_last_error kept;
    if (rounds_ < pauses + yields) {
        ++rounds_;
        with_room([] { ::SwitchToThread(); });
    } else {
        with_room([] { ::Sleep(1); });
    }
}

} // namespace moor::win
