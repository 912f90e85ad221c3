// Waits with a time-out end at the system timer's next tick, which is 15.6 ms apart unless a process asks for more.
#pragma once

#include "win/windows.hpp"
// After windows.h:
#include <timeapi.h>

namespace moor::win {

/// Has the system timer tick every millisecond for this process while one lives (timeBeginPeriod, Microsoft Learn).
class fine_timer_resolution {
public:
    fine_timer_resolution() noexcept { ::timeBeginPeriod(milliseconds); }
    ~fine_timer_resolution() { ::timeEndPeriod(milliseconds); }
    fine_timer_resolution(const fine_timer_resolution&) = delete;
    fine_timer_resolution& operator=(const fine_timer_resolution&) = delete;

private:
    static constexpr unsigned milliseconds = 1;
};

} // namespace moor::win
