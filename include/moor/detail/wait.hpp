// The one way to block in moor. Every primitive (mutex, channel, timer, join, I/O) registers a ticket with whoever may
// wake it and then suspends; the first waker that claims the ticket wins, all later ones lose. A coroutine becomes
// resumable only after its context is saved (docs/scheduling.md): a claim that arrives earlier is remembered in the
// parker's state word, and the stack that runs next acts on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>

#include <moor/detail/wait_ticket.hpp>
#include <moor/wait_limit.hpp>

namespace moor::detail {

/// Whether a wait is ended by a request to stop the waiting coroutine (join_handle::request_stop, runtime shutdown).
enum class stop_request : std::uint8_t { ends_wait, ignored };

/// Whether the beginning of a wait looks after the stack of the waiting coroutine, if it is of the movable kind:
/// whether there is room for the wait, and whether the stack is too large (sched/stack_mover.hpp). A call of the I/O
/// layer has done so before its submission. Neither moves the stack.
enum class stack_use : std::uint8_t { prepares, is_prepared };

/// Whose deed a wait is for, where that is known: a coroutine cannot be woken while the other waits for it. For the
/// search for circles (sched/circle_watch.hpp). One of the three; none of them is owned.
struct dependence {
    /// The id of the coroutine that holds what is waited for, shifted to the left; 0, or that of no coroutine, when
    /// nobody known does. The word lives as long as the wait.
    const std::atomic<std::uint64_t>* holder = nullptr;
    unsigned shift = 0;
    std::uint64_t coroutine = 0; ///< its end, by its id
    const void* group = nullptr; ///< the ends of all coroutines whose group that is

    bool operator==(const dependence&) const noexcept = default;
};

/// One wait of the calling coroutine or plain thread.
///
///     wait waiting("mutex", limit);
///     {
///         std::lock_guard guard(lock_);
///         if (free) { ...; return true; }
///         node.ticket = waiting.ticket();
///         queue_.push_back(node);
///     }
///     if (waiting.suspend() != wake_reason::notified) { std::lock_guard guard(lock_); queue_.remove(node); ... }
///
/// Every place that holds a ticket must be told (its node removed) before the wait object goes out of scope, unless it
/// works with a copy only. At most one wait per coroutine at a time.
class wait {
public:
    /// Begins a wait. `what` (a string literal) is shown in dumps of blocked coroutines. From here on the ticket can be
    /// claimed. `limit` must outlive the wait. The wait object, and whatever the caller registers, keep their addresses
    /// until the wait is over: no stack moves with a frame of the library on it (law 3).
    wait(const char* what, const wait_limit& limit, stop_request stopping = stop_request::ends_wait,
         stack_use stack = stack_use::prepares) noexcept
        : owner_(begin(what, stopping, stack)), generation_(parker::generation_of(owner_.state_)), limit_(limit) {}

    /// Ends it, whether it was suspended or given up.
    ~wait();

    wait(const wait&) = delete;
    wait& operator=(const wait&) = delete;

    [[nodiscard]] wait_ticket ticket() const noexcept { return {&owner_, generation_}; }

    /// Suspends the coroutine (or blocks the plain thread) until the ticket is claimed. Returns at once when it
    /// was claimed already, when the deadline has passed (the ticket is then claimed by that), or when a stop was
    /// requested. Call once. Not under a lock that a waker takes.
    [[nodiscard]] wake_reason suspend() noexcept;

    /// The same, for somebody's deed.
    [[nodiscard]] wake_reason suspend(const dependence& on) noexcept;

private:
    static parker& begin(const char* what, stop_request stopping, stack_use stack) noexcept;
    [[nodiscard]] std::uint64_t suspend_to_the_end() noexcept;
    void suspend_limited() noexcept;
    void block(wait_limit::time_point deadline) noexcept;

    // The two halves of the ticket, apart: a ticket that was just written by halves is slow to read as a whole.
    parker& owner_;
    const std::uint64_t generation_;
    const wait_limit& limit_;
};

/// The error that a wait ended with: none, std::errc::timed_out or std::errc::operation_canceled.
[[nodiscard]] std::errc to_errc(wake_reason reason) noexcept;

} // namespace moor::detail
