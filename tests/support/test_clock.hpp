// A clock for the library that is a test's: it ticks as coarsely as the test wants, or stands still and moves when the
// test moves it.
#pragma once

#include <chrono>

#include <moor/wait_limit.hpp>

#include "win/clock.hpp"
#include "win/system_calls.hpp"

namespace moor::test {

/// In the place of the library's clock while it lives; one at a time, made before the runtimes that live by it.
///
/// Those who sleep do so by the system's time, which knows nothing of this clock. So nobody sleeps for longer than a
/// millisecond at a time meanwhile (dequeuing, WaitOnAddress), and then looks at this clock again.
class test_clock {
public:
    using duration = wait_limit::clock::duration;
    using time_point = wait_limit::time_point;

    /// Goes as the system's does, in ticks of that length.
    [[nodiscard]] static test_clock ticking(duration tick) { return test_clock(tick, false); }
    /// Stands still at the time of its making.
    [[nodiscard]] static test_clock stopped() { return test_clock(duration(1), true); }

    /// Any thread. Nobody is woken; within a few milliseconds everybody has seen it.
    void move_on(duration by) noexcept;

    /// What the library reads.
    [[nodiscard]] static time_point now() noexcept;

private:
    test_clock(duration tick, bool stands_still);

    const win::replaced_clock clock_;
    const win::replaced_system_calls short_sleeps_;
};

} // namespace moor::test
