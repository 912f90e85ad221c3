// Starting coroutines and getting their results: spawn, its options, and join_handle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <moor/detail/body.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// Which kind of stack a coroutine runs on; see docs/architecture.md.
enum class stack_kind : std::uint8_t {
    reserved, ///< a slot of address space that grows in place by guard page; any code may run on it
    movable,  ///< a small segment that is copied into a larger one as needed; for code built by
              ///< moor_enable_movable_stacks; where that is not possible, the same as reserved (docs/stacks.md)
};

/// How to start a coroutine. All members have working defaults: `spawn({.name = "session"}, f)`.
struct spawn_options {
    /// Shown in dumps and fatal messages. Copied; at most 31 bytes are kept.
    std::string_view name{};
    stack_kind stack = stack_kind::reserved; ///< the kind of stack that it runs on
    /// Reserved: bytes that it can grow to, rounded up to a power of two from 64 KiB to 1 GiB; memory is committed as
    /// the stack grows, and what the system wants of a stack comes on top. 0 takes runtime_options::stack_size.
    /// Movable: bytes to begin with and never to shrink below, rounded up to a power of two from 1 KiB to 64 KiB. 0
    /// takes runtime_options::movable_stack_size.
    std::size_t stack_size = 0;
    /// The worker (0 … workers-1) that alone may run it; empty lets it run anywhere.
    std::optional<unsigned> worker{};
    /// The whole coroutine is one preemptible scope, with what that promises; see moor/preempt.hpp.
    bool preemptible = false;
};

/// The right to a coroutine's result. Move-only; dropping it detaches the coroutine.
///
/// An exception that leaves a coroutine is kept for join(). When it is not taken, because every handle was dropped, the
/// process ends with the exception's message and the coroutine's name: a failure is never swallowed. Only
/// the operation_canceled error of a coroutine that was asked to stop is an ordinary end.
template <class T>
class join_handle {
public:
    /// Of no coroutine.
    join_handle() noexcept = default;
    /// `other` is not joinable afterwards; an assignment detaches the coroutine that this handle had.
    join_handle(join_handle&& other) noexcept = default;
    join_handle& operator=(join_handle&& other) noexcept = default;
    ~join_handle() = default;

    /// Whether there is a coroutine to join (false after join, detach or a move).
    [[nodiscard]] bool joinable() const noexcept { return static_cast<bool>(coroutine_); }

    /// Waits for the coroutine's end and returns its result or throws its exception.
    /// Suspends the calling coroutine; blocks a calling plain thread that is no worker. A point where the caller can be
    /// stopped. Throws std::system_error: timed_out and operation_canceled (the handle stays joinable and the coroutine
    /// runs on), invalid_argument when not joinable, resource_deadlock_would_occur when a coroutine joins itself.
    /// Several may wait at the same time, with wait() or join(), and others call done(), request_stop() or id()
    /// meanwhile: all who wait wake, one join() gets the result, and any other one throws invalid_argument.
    T join(const wait_limit& limit = no_limit) {
        if (const std::error_code error = detail::wait_for_end(coroutine_, limit, detail::end_use::take_result)) {
            throw std::system_error(error, "moor: join");
        }
        const detail::coroutine_reference last = coroutine_.take();
        return static_cast<detail::result<T>&>(detail::body_of(last)).take();
    }

    /// Waits for the end without taking the result. Errors as join(), through `error`; true when it has ended.
    bool wait(const wait_limit& limit, std::error_code& error) noexcept {
        error = detail::wait_for_end(coroutine_, limit, detail::end_use::wait_only);
        return !error;
    }

    /// Whether the coroutine has ended. Never suspends; any thread.
    [[nodiscard]] bool done() const noexcept { return detail::has_ended(coroutine_); }

    /// Lets it run on by itself; the result will be dropped.
    void detach() noexcept { coroutine_ = {}; }

    /// Asks the coroutine to stop: its present or next call that can be stopped reports operation_canceled, as do
    /// all later ones. Never suspends; any thread.
    void request_stop() const noexcept { detail::request_stop(coroutine_); }

    /// Unique in the process, never 0 for a joinable handle.
    [[nodiscard]] std::uint64_t id() const noexcept { return joinable() ? coroutine_.id() : 0; }

private:
    template <class Invocation>
    friend auto detail::launch(detail::runtime_core*, const spawn_options&, Invocation&&)
        -> join_handle<std::invoke_result_t<std::decay_t<Invocation>>>;

    explicit join_handle(detail::coroutine_reference started) noexcept : coroutine_(std::move(started)) {}

    detail::coroutine_reference coroutine_;
};

namespace detail {

template <class Invocation>
auto launch(runtime_core* where, const spawn_options& options, Invocation&& invocation)
    -> join_handle<std::invoke_result_t<std::decay_t<Invocation>>> {
    using body_type = invocation_body<std::decay_t<Invocation>>;
    unstarted_coroutine created(where, options, {sizeof(body_type), alignof(body_type), &body_type::run_erased});
    created.construct<body_type>(std::forward<Invocation>(invocation));
    return join_handle<std::invoke_result_t<std::decay_t<Invocation>>>(created.start());
}

/// `function(arguments...)` with everything moved or copied in, as std::thread does.
template <class Function, class... Arguments>
auto bind_invocation(Function&& function, Arguments&&... arguments) {
    if constexpr (sizeof...(Arguments) == 0) {
        return std::decay_t<Function>(std::forward<Function>(function));
    } else {
        return
            [call = std::tuple<std::decay_t<Function>, std::decay_t<Arguments>...>(
                 std::forward<Function>(function), std::forward<Arguments>(arguments)...)]() mutable -> decltype(auto) {
                return std::apply(
                    [](auto&& callee, auto&&... values) -> decltype(auto) {
                        return std::invoke(std::forward<decltype(callee)>(callee),
                                           std::forward<decltype(values)>(values)...);
                    },
                    std::move(call));
            };
    }
}

} // namespace detail

/// Starts `function(arguments...)` as a coroutine of the calling coroutine's runtime, with copies of its arguments.
/// Never suspends: the new coroutine waits for its turn. Only from a coroutine; elsewhere use runtime::spawn.
/// Throws std::system_error: not_enough_memory, operation_not_permitted (called outside a coroutine), invalid_argument
/// (no such worker, stack over 1 GiB); std::bad_alloc for a large callable; what copying the arguments throws.
template <class Function, class... Arguments>
    requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
auto spawn(const spawn_options& options, Function&& function, Arguments&&... arguments) {
    return detail::launch(
        nullptr, options,
        detail::bind_invocation(std::forward<Function>(function), std::forward<Arguments>(arguments)...));
}

/// spawn with default options.
template <class Function, class... Arguments>
    requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
auto spawn(Function&& function, Arguments&&... arguments) {
    return spawn(spawn_options{}, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

} // namespace moor
