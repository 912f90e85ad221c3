// How long a blocking call may take, and what may stop it: one parameter type for the whole library, so that every call
// that blocks takes a deadline and a std::stop_token in the same way.
#pragma once

#include <chrono>
#include <stop_token>
#include <utility>

#include <moor/detail/built_by.hpp>
#include <moor/detail/deadline.hpp>

namespace moor {

/// A deadline, a stop token, both, or neither (the default: wait for as long as it takes).
///
/// Converts from a duration (counted from the conversion), a `std::chrono::steady_clock` time point and a
/// `std::stop_token`, so that `channel.receive(50ms)` and `stream.read_some(buffer, token)` read naturally.
/// Any duration will do, also one of floating point: it is rounded up, what is negative or not a number is over at
/// once, and what is too long for the clock (292 years), as duration::max() is, means no deadline at all.
/// A call that ends by its deadline reports `std::errc::timed_out`; one that ends by its token reports
/// `std::errc::operation_canceled`. Timers never fire early; they fire up to about a millisecond late, later when one
/// coroutine keeps their worker.
class wait_limit {
public:
    using clock = detail::wait_clock;     ///< std::chrono::steady_clock
    using time_point = clock::time_point; ///< of a deadline; its max() is none

    /// No limit.
    wait_limit() noexcept = default;

    /// Until `deadline`.
    template <class Duration>
    wait_limit(const std::chrono::time_point<clock, Duration>& deadline) noexcept
        : deadline_(detail::deadline_at(deadline)) {}

    /// So long from now.
    template <class Representation, class Period>
    wait_limit(std::chrono::duration<Representation, Period> from_now) noexcept
        : deadline_(detail::deadline_after(detail::now(), from_now)) {}

    /// Until a stop is requested of `token`.
    wait_limit(std::stop_token token) noexcept : token_(std::move(token)) {}

    /// Until either.
    template <class Duration>
    wait_limit(const std::chrono::time_point<clock, Duration>& deadline, std::stop_token token) noexcept
        : deadline_(detail::deadline_at(deadline)), token_(std::move(token)) {}

    template <class Representation, class Period>
    wait_limit(std::chrono::duration<Representation, Period> from_now, std::stop_token token) noexcept
        : deadline_(detail::deadline_after(detail::now(), from_now)), token_(std::move(token)) {}

    /// Whether there is a deadline.
    [[nodiscard]] bool has_deadline() const noexcept { return deadline_ != (time_point::max)(); }
    /// The deadline; time_point::max() without one.
    [[nodiscard]] time_point deadline() const noexcept { return deadline_; }
    /// The token; one that has no stop state when none was given.
    [[nodiscard]] const std::stop_token& token() const noexcept { return token_; }

    /// The same limit, with the earlier of its own deadline and `other`.
    [[nodiscard]] wait_limit no_later_than(time_point other) const {
        return wait_limit(other < deadline_ ? other : deadline_, token_);
    }

private:
    time_point deadline_ = (time_point::max)();
    std::stop_token token_;
};

/// Waits without a limit. What they refer to by default: no temporary of the caller's, which on a movable stack
/// would be a local variable with an address (docs/stacks.md).
inline const wait_limit no_limit{};

} // namespace moor
