// What a coroutine can ask and do about itself, in the manner of std::this_thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <moor/wait_limit.hpp>

namespace moor::this_coroutine {

/// Whether the caller runs on a coroutine. Any thread.
[[nodiscard]] bool exists() noexcept;

/// Lets the others of this worker run first. Not a point where the coroutine can be stopped. From a plain thread it
/// yields the thread.
void yield() noexcept;

/// Suspends until `when`; never ends early, and about a millisecond late at most on an idle worker. A point where the
/// coroutine can be stopped. From a plain thread it blocks the thread.
/// A time that no clock reaches (duration::max()) is a sleep of 292 years: it ends when it is stopped, and is no
/// deadlock. Throws std::system_error operation_canceled.
void sleep_until(wait_limit::time_point when);
/// The same, and ends early when `limit`'s token is stopped or its own deadline comes first: then `error` is
/// operation_canceled or timed_out.
void sleep_until(wait_limit::time_point when, const wait_limit& limit, std::error_code& error) noexcept;

/// Until `when` of any clock, reckoned once, as the call begins.
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration>& when) {
    sleep_until(detail::deadline_at(when));
}
template <class Clock, class Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration>& when, const wait_limit& limit,
                 std::error_code& error) noexcept {
    sleep_until(detail::deadline_at(when), limit, error);
}

/// sleep_until() so long from now; any duration will do, as for wait_limit.
template <class Representation, class Period>
void sleep_for(std::chrono::duration<Representation, Period> duration) {
    sleep_until(wait_limit(duration).deadline());
}

template <class Representation, class Period>
void sleep_for(std::chrono::duration<Representation, Period> duration, const wait_limit& limit,
               std::error_code& error) noexcept {
    sleep_until(wait_limit(duration).deadline(), limit, error);
}

/// Unique in the process and never 0; 0 outside a coroutine.
[[nodiscard]] std::uint64_t id() noexcept;

/// The name given to spawn (at most 31 bytes of it); empty outside a coroutine. Valid until the coroutine ends.
[[nodiscard]] std::string_view name() noexcept;

/// The worker it runs on now; another one perhaps after the next suspension. 0 outside a coroutine.
[[nodiscard]] unsigned worker() noexcept;

/// Bytes of its stack that the program may use; 0 outside a coroutine.
[[nodiscard]] std::size_t stack_size() noexcept;

/// Whether this coroutine was asked to stop (join_handle::request_stop, task_group, runtime shutdown), also under
/// a stop_shield. False outside a coroutine.
[[nodiscard]] bool stop_requested() noexcept;

/// While one lives, the coroutine's waits are not ended by a request to stop: for clean-up code that has to wait.
/// Deadlines and stop tokens work as ever. Nests. Must be destroyed by the coroutine that made it; on a plain
/// thread it does nothing.
class [[nodiscard]] stop_shield {
public:
    /// From here on requests to stop end no wait.
    stop_shield() noexcept;
    ~stop_shield();
    stop_shield(const stop_shield&) = delete;
    stop_shield& operator=(const stop_shield&) = delete;
};

} // namespace moor::this_coroutine
