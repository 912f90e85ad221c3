// From whatever duration or time point a caller has to the library's clock: the one conversion behind every deadline,
// sleep and time-out. It is exact where the clock can say it, rounds up, and saturates everywhere else; chrono's own
// conversions overflow, and a date in the year 3000 is past then.
#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>
#include <type_traits>

#include <moor/detail/clock.hpp>

namespace moor::detail {

/// `given` in ticks of wait_clock, rounded up; its greatest duration for what is greater, its smallest for what is
/// smaller and for what is not a number. Saturates up to a millisecond before the last tick (of 292 years).
template <class Representation, class Period>
[[nodiscard]] constexpr wait_clock::duration saturated(const std::chrono::duration<Representation, Period>& given) {
    using ticks = wait_clock::duration;
    if constexpr (std::is_same_v<ticks, std::chrono::duration<Representation, Period>>) {
        return given;
    } else {
        // Close enough to tell what has no place; with a margin for what the reckoning itself rounds.
        constexpr double most = static_cast<double>((ticks::max)().count()) - 0x1p20;
        const double estimate = static_cast<double>(given.count()) * (static_cast<double>(Period::num) / Period::den) *
                                (static_cast<double>(ticks::period::den) / ticks::period::num);
        if (!(estimate > -most)) {
            return (ticks::min)();
        }
        if (estimate >= most) {
            return (ticks::max)();
        }
        constexpr bool seldom_fits = Period::num / Period::den > 1'000'000'000; // a tick of it is 32 years and more
        if constexpr (std::chrono::treat_as_floating_point_v<Representation> || seldom_fits) {
            const ticks below(static_cast<ticks::rep>(estimate));
            return static_cast<double>(below.count()) < estimate ? below + ticks(1) : below;
        } else {
            using factor = std::ratio_divide<Period, ticks::period>;
            using number = std::common_type_t<Representation, std::int64_t>;
            const auto count = static_cast<number>(given.count());
            const auto whole = static_cast<number>(count / factor::den);
            const auto part = static_cast<number>(count % factor::den * factor::num); // less than num * den
            const auto below = static_cast<number>(whole * factor::num + part / factor::den);
            return ticks(static_cast<ticks::rep>(below) + (part % factor::den > 0 ? 1 : 0));
        }
    }
}

/// `later - earlier`, saturated.
[[nodiscard]] constexpr wait_clock::duration saturated_difference(wait_clock::duration later,
                                                                  wait_clock::duration earlier) noexcept {
    using ticks = wait_clock::duration;
    if (earlier < ticks::zero()) {
        return later > (ticks::max)() + earlier ? (ticks::max)() : later - earlier;
    }
    return later < (ticks::min)() + earlier ? (ticks::min)() : later - earlier;
}

/// The time point `from_now` after `now`: `now` itself unless that is positive, time_point::max() ("never") when the
/// clock does not reach so far.
template <class Representation, class Period>
[[nodiscard]] constexpr wait_clock::time_point
deadline_after(wait_clock::time_point now, const std::chrono::duration<Representation, Period>& from_now) {
    const wait_clock::duration ticks = saturated(from_now);
    if (ticks <= ticks.zero()) {
        return now;
    }
    return ticks >= saturated_difference((wait_clock::duration::max)(), now.time_since_epoch())
               ? (wait_clock::time_point::max)()
               : now + ticks;
}

/// `when` of any clock as a deadline, reckoned once, now: later changes of a settable clock are not followed. `Clock`
/// is the caller's, and read as it is: only the deadline is by the library's own. What no 64-bit count of nanoseconds
/// reaches (by the clock of the system, the year 2262) is never, or long over.
template <class Clock, class Duration>
[[nodiscard]] wait_clock::time_point deadline_at(const std::chrono::time_point<Clock, Duration>& when) {
    const wait_clock::duration at = saturated(when.time_since_epoch());
    if constexpr (!std::is_same_v<Clock, wait_clock>) {
        if (at != (at.max)() && at != (at.min)()) {
            const wait_clock::time_point now = detail::now();
            return deadline_after(now, saturated_difference(at, saturated(Clock::now().time_since_epoch())));
        }
    }
    return wait_clock::time_point(at);
}

} // namespace moor::detail
