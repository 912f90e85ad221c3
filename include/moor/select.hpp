// Waits for several channels at once and does exactly one of the things that are possible.
//
//     moor::channel<request> requests;
//     moor::channel<reply> replies;
//
//     moor::select(
//         moor::on_receive(requests, [](std::optional<request> next) { if (next) handle(*next); }), // empty: closed
//         moor::on_send(replies, std::move(ready), [] { log("sent"); }),
//         moor::on_timeout(50ms, [] { log("idle"); }));
//
//     moor::select(moor::on_receive(requests, handle_one),
//                  moor::otherwise([] { log("nothing there"); })); // never waits
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <moor/channel.hpp>
#include <moor/detail/channel_core.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// What select returns instead of a case's number when it reports an error.
inline constexpr std::size_t no_case = static_cast<std::size_t>(-1);

namespace detail {

/// One send or receive of a select; part of the case object on the caller's stack.
struct channel_case : channel_waiter {
    channel_core* channel = nullptr; ///< null: never ready
    bool sends = false;
    std::uint16_t position = 0; ///< among the arguments of select
    std::uint16_t in_lock_order = 0;
    std::uint16_t in_poll_order = 0;
};

/// The engine of select, independent of element types; see src/sync/select.cpp.
class selector {
public:
    struct outcome {
        std::size_t position; ///< which argument of select; no_case with every result but `done`
        channel_result result;
    };

    /// `cases` has `count` entries.
    selector(channel_case* const* cases, std::size_t count) noexcept : cases_(cases), count_(count) {}

    void set_timeout(wait_limit::time_point when, std::size_t position) noexcept {
        if (timeout_position_ == no_case || when < timeout_) {
            timeout_ = when;
            timeout_position_ = position;
        }
    }
    void set_otherwise(std::size_t position) noexcept { otherwise_position_ = position; }

    [[nodiscard]] outcome run(const wait_limit& limit) noexcept;

private:
    void put_in_order() noexcept;
    template <class Function>
    void for_each_channel(Function function) noexcept;
    void unlock_all() noexcept;
    [[nodiscard]] static outcome of(const channel_case& chosen, channel_result result) noexcept;
    [[nodiscard]] outcome poll(claimed_partner& partner) noexcept;
    [[nodiscard]] outcome wait_for_any(const wait_limit& limit) noexcept;

    channel_case* const* cases_;
    std::size_t count_;
    wait_limit::time_point timeout_ = (wait_limit::time_point::max)();
    std::size_t timeout_position_ = no_case;
    std::size_t otherwise_position_ = no_case;
};

/// The handler of a case that has none.
struct nothing_more {
    void operator()() const noexcept {}
};

template <class T, class Handler>
class receive_case {
public:
    static constexpr bool waits_for_channel = true;

    receive_case(channel_core* channel, Handler&& handler) : handler_(std::forward<Handler>(handler)) {
        entry_.channel = channel;
        entry_.slot = &value_;
    }
    receive_case(const receive_case&) = delete;
    receive_case& operator=(const receive_case&) = delete;

    [[nodiscard]] channel_case* entry() noexcept { return &entry_; }
    void run() { std::invoke(std::forward<Handler>(handler_), std::move(value_)); }

private:
    channel_case entry_;
    std::optional<T> value_;
    Handler&& handler_;
};

// Held is T (a copy of an lvalue) or T& (the caller's rvalue, moved from only when this case is chosen).
template <class Held, class Handler>
class send_case {
public:
    static constexpr bool waits_for_channel = true;

    template <class Value>
    send_case(channel_core* channel, Value&& value, Handler&& handler)
        : value_(std::forward<Value>(value)), handler_(std::forward<Handler>(handler)) {
        entry_.channel = channel;
        entry_.slot = std::addressof(value_);
        entry_.sends = true;
    }
    send_case(const send_case&) = delete;
    send_case& operator=(const send_case&) = delete;

    [[nodiscard]] channel_case* entry() noexcept { return &entry_; }
    void run() { std::invoke(std::forward<Handler>(handler_)); }

private:
    channel_case entry_;
    Held value_;
    Handler&& handler_;
};

template <class Handler>
class timeout_case {
public:
    static constexpr bool waits_for_channel = false;

    timeout_case(wait_limit::time_point when, Handler&& handler)
        : when_(when), handler_(std::forward<Handler>(handler)) {}
    timeout_case(const timeout_case&) = delete;
    timeout_case& operator=(const timeout_case&) = delete;

    void enter(selector& all, std::size_t position) const noexcept { all.set_timeout(when_, position); }
    void run() { std::invoke(std::forward<Handler>(handler_)); }

private:
    wait_limit::time_point when_;
    Handler&& handler_;
};

template <class Handler>
class otherwise_case {
public:
    static constexpr bool waits_for_channel = false;

    explicit otherwise_case(Handler&& handler) : handler_(std::forward<Handler>(handler)) {}
    otherwise_case(const otherwise_case&) = delete;
    otherwise_case& operator=(const otherwise_case&) = delete;

    void enter(selector& all, std::size_t position) const noexcept { all.set_otherwise(position); }
    void run() { std::invoke(std::forward<Handler>(handler_)); }

private:
    Handler&& handler_;
};

template <class T>
inline constexpr bool is_select_case = false;
template <class T, class Handler>
inline constexpr bool is_select_case<receive_case<T, Handler>> = true;
template <class Held, class Handler>
inline constexpr bool is_select_case<send_case<Held, Handler>> = true;
template <class Handler>
inline constexpr bool is_select_case<timeout_case<Handler>> = true;
template <class Handler>
inline constexpr bool is_select_case<otherwise_case<Handler>> = true;

template <class Case>
inline constexpr bool is_otherwise_case = false;
template <class Handler>
inline constexpr bool is_otherwise_case<otherwise_case<Handler>> = true;
template <class Case>
inline constexpr bool is_timeout_case = false;
template <class Handler>
inline constexpr bool is_timeout_case<timeout_case<Handler>> = true;

} // namespace detail

/// What select takes: the result of on_receive, on_send, on_timeout or otherwise, written as its argument. (A named one
/// is refused: it refers to its own arguments, which end with their statement.)
template <class Case>
concept select_case = !std::is_reference_v<Case> && detail::is_select_case<Case>;

/// The handler of on_receive: takes the value, empty when the channel is closed and drained.
template <class Handler, class T>
concept receive_handler = std::invocable<Handler, std::optional<T>>;

/// A case that is ready when `from` has a value, or is closed.
template <channel_element T, receive_handler<T> Handler>
[[nodiscard]] detail::receive_case<T, Handler> on_receive(const channel<T>& from, Handler&& handler) {
    return {from.core(), std::forward<Handler>(handler)};
}

/// A case that is ready when `to` has room or a waiting receiver, or is closed: when a closed channel's case is chosen,
/// select reports channel_errc::closed. An rvalue is moved from only when its case is chosen; an lvalue is copied at
/// once.
template <channel_element T, std::invocable Handler = detail::nothing_more>
[[nodiscard]] detail::send_case<T&, Handler> on_send(const channel<T>& to, std::type_identity_t<T>&& value,
                                                     Handler&& handler = {}) {
    return {to.core(), value, std::forward<Handler>(handler)};
}
template <channel_element T, std::invocable Handler = detail::nothing_more>
    requires std::copy_constructible<T>
[[nodiscard]] detail::send_case<T, Handler> on_send(const channel<T>& to, const std::type_identity_t<T>& value,
                                                    Handler&& handler = {}) {
    return {to.core(), value, std::forward<Handler>(handler)};
}

/// A case that is chosen when no other was ready until then. Of several, the earliest counts.
template <class Clock, class Duration, std::invocable Handler = detail::nothing_more>
[[nodiscard]] detail::timeout_case<Handler> on_timeout(const std::chrono::time_point<Clock, Duration>& when,
                                                       Handler&& handler = {}) {
    return {detail::deadline_at(when), std::forward<Handler>(handler)};
}
template <class Representation, class Period, std::invocable Handler = detail::nothing_more>
[[nodiscard]] detail::timeout_case<Handler> on_timeout(std::chrono::duration<Representation, Period> from_now,
                                                       Handler&& handler = {}) {
    return {wait_limit(from_now).deadline(), std::forward<Handler>(handler)};
}

/// The case that is chosen when no other is ready now: with it, select never waits.
template <std::invocable Handler = detail::nothing_more>
[[nodiscard]] detail::otherwise_case<Handler> otherwise(Handler&& handler = {}) {
    return detail::otherwise_case<Handler>(std::forward<Handler>(handler));
}

/// Waits until one of the cases is ready, does it, calls its handler on the caller after all locks are released, and
/// returns its number (the first is 0). Among several that are ready it chooses at random, each as likely as the other.
/// One channel may occur in several cases. A point where the coroutine can be stopped (with `otherwise` it never waits
/// and is none). Works from plain threads, which it blocks. Reports timed_out (by `limit`; on_timeout is no error),
/// operation_canceled and channel_errc::closed, with no_case, and nothing was sent or received then. What a handler
/// throws is thrown.
template <select_case... Cases>
std::size_t select(const wait_limit& limit, std::error_code& error, Cases&&... cases) {
    static_assert(sizeof...(Cases) > 0, "select needs at least one case");
    constexpr std::size_t otherwise_count = (std::size_t{0} + ... + std::size_t{detail::is_otherwise_case<Cases>});
    constexpr std::size_t timeout_count = (std::size_t{0} + ... + std::size_t{detail::is_timeout_case<Cases>});
    static_assert(otherwise_count <= 1, "select takes one otherwise at most");
    static_assert(otherwise_count == 0 || timeout_count == 0,
                  "with otherwise, select never waits: on_timeout has no meaning");

    constexpr std::size_t channel_count = sizeof...(Cases) - otherwise_count - timeout_count;
    std::array<detail::channel_case*, channel_count> entries{};
    detail::selector chooser(entries.data(), channel_count);
    std::size_t position = 0;
    std::size_t filled = 0;
    const auto enter = [&](auto& entered) {
        if constexpr (std::remove_cvref_t<decltype(entered)>::waits_for_channel) {
            entered.entry()->position = static_cast<std::uint16_t>(position);
            entries[filled++] = entered.entry();
        } else {
            entered.enter(chooser, position);
        }
        ++position;
    };
    (enter(cases), ...);

    const detail::selector::outcome chosen = chooser.run(limit);
    error = detail::to_error_code(chosen.result);
    position = 0;
    const auto run_if_chosen = [&](auto& candidate) {
        if (position++ == chosen.position) {
            candidate.run();
        }
    };
    (run_if_chosen(cases), ...);
    return chosen.position;
}

/// The throwing form: std::system_error instead of `error`.
template <select_case... Cases>
std::size_t select(const wait_limit& limit, Cases&&... cases) {
    std::error_code error;
    const std::size_t chosen = select(limit, error, std::forward<Cases>(cases)...);
    if (error) {
        throw std::system_error(error, "moor: select");
    }
    return chosen;
}

/// Without a limit but its own on_timeout.
template <select_case... Cases>
std::size_t select(Cases&&... cases) {
    return select(wait_limit(), std::forward<Cases>(cases)...);
}

} // namespace moor
