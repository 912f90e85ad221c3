// How long a blocking call may take, and what may stop it: one parameter type for the whole library, so that every call
// that blocks takes a deadline and a std::stop_token in the same way.
#pragma once

#include <chrono>
#include <stop_token>
#include <utility>

namespace moor {

/// A deadline, a stop token, both, or neither (the default: wait for as long as it takes).
///
/// Converts from a duration (counted from the conversion), a `std::chrono::steady_clock` time point and a
/// `std::stop_token`, so that `channel.receive(50ms)` and `stream.read_some(buffer, token)` read naturally.
/// A call that ends by its deadline reports `std::errc::timed_out`; one that ends by its token reports
/// `std::errc::operation_canceled`. Timers never fire early; they fire up to about a millisecond late, later when one
/// coroutine keeps their worker.
class wait_limit {
public:
    using clock = std::chrono::steady_clock;
    using time_point = clock::time_point;

    wait_limit() noexcept = default;

    wait_limit(time_point deadline) noexcept : deadline_(deadline) {}

    template <class Representation, class Period>
    wait_limit(std::chrono::duration<Representation, Period> from_now) noexcept : deadline_(after(from_now)) {}

    wait_limit(std::stop_token token) noexcept : token_(std::move(token)) {}

    wait_limit(time_point deadline, std::stop_token token) noexcept : deadline_(deadline), token_(std::move(token)) {}

    template <class Representation, class Period>
    wait_limit(std::chrono::duration<Representation, Period> from_now, std::stop_token token) noexcept
        : deadline_(after(from_now)), token_(std::move(token)) {}

    [[nodiscard]] bool has_deadline() const noexcept { return deadline_ != time_point::max(); }
    [[nodiscard]] time_point deadline() const noexcept { return deadline_; }
    [[nodiscard]] const std::stop_token& token() const noexcept { return token_; }

    /// The same limit, with the earlier of its own deadline and `other`.
    [[nodiscard]] wait_limit no_later_than(time_point other) const {
        return wait_limit(other < deadline_ ? other : deadline_, token_);
    }

private:
    // Saturates: `from_now` may be duration::max(), which callers use for "never", and a negative one of any size is
    // over.
    template <class Representation, class Period>
    static time_point after(std::chrono::duration<Representation, Period> from_now) noexcept {
        const time_point now = clock::now();
        if (from_now <= from_now.zero()) {
            return now;
        }
        if (std::chrono::duration<double>(from_now) >= std::chrono::duration<double>(time_point::max() - now)) {
            return time_point::max();
        }
        return now + std::chrono::ceil<clock::duration>(from_now);
    }

    time_point deadline_ = time_point::max();
    std::stop_token token_;
};

} // namespace moor
