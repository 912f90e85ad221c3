// The time-outs of the standard's TimedLockable requirements as a wait_limit, for every lock that moor has.
#pragma once

#include <chrono>

#include <moor/wait_limit.hpp>

namespace moor::detail {

/// `when` of any clock, as a steady deadline reckoned once, now: later changes of a settable clock are not followed.
template <class Clock, class Duration>
[[nodiscard]] wait_limit limit_until(const std::chrono::time_point<Clock, Duration>& when) {
    const auto now = Clock::now();
    return when <= now ? wait_limit(wait_limit::clock::duration::zero()) : wait_limit(when - now);
}

} // namespace moor::detail
