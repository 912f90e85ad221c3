// Runs a function once: the first caller runs it, the others wait for that. std::call_once would block the worker,
// and in a coroutine that migrates it would look for its state in the wrong thread.
//
//     moor::once loaded;
//     table rates;
//
//     const table& get_rates() {
//         loaded.call([] { rates = download(); }); // one coroutine downloads, the others wait suspended
//         return rates;
//     }
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <system_error>
#include <utility>

#include <moor/detail/spin_lock.hpp>
#include <moor/detail/wait.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

/// For coroutines as well as plain threads. A call whose function throws has not run it: the exception goes to that
/// caller, and the next one (among those that wait, the first) tries again. A function that calls its own once waits
/// for itself. What the function wrote is visible to each caller whose call has returned.
class once {
public:
    constexpr once() noexcept = default;
    /// No call may be in progress.
    ~once();
    once(const once&) = delete;
    once& operator=(const once&) = delete;

    /// Runs `function(arguments...)` unless a call has done so; waits for a run that is in progress. The wait is not
    /// ended by a request to stop. After the first run it costs one load.
    template <class Function, class... Arguments>
        requires std::invocable<Function, Arguments...>
    void call(Function&& function, Arguments&&... arguments) {
        if (done()) [[likely]] {
            return;
        }
        if (begin_or_wait()) {
            run(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        }
    }

    /// The same with a limit for the wait (not for the run), and a point where the coroutine can be stopped. Throws
    /// std::system_error timed_out or operation_canceled; a run by another caller continues.
    template <class Function, class... Arguments>
        requires std::invocable<Function, Arguments...>
    void call_within(const wait_limit& limit, Function&& function, Arguments&&... arguments) {
        if (!done() && begin_or_wait(limit)) {
            run(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        }
    }

    /// Whether it has run by the return; otherwise `error` is timed_out or operation_canceled. What the function
    /// throws is thrown.
    template <class Function, class... Arguments>
        requires std::invocable<Function, Arguments...>
    bool call_within(const wait_limit& limit, std::error_code& error, Function&& function, Arguments&&... arguments) {
        error.clear();
        if (!done() && begin_or_wait(limit, error)) {
            run(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        }
        return !error;
    }

    /// Whether a run has succeeded. Never suspends.
    [[nodiscard]] bool done() const noexcept {
        // Acquire pairs with the release in end().
        return state_.load(std::memory_order_acquire) == state::done;
    }

private:
    enum class state : std::uint8_t { idle, running, done };

    // True when the caller is to run the function, false when another caller has.
    bool begin_or_wait() noexcept;
    bool begin_or_wait(const wait_limit& limit);
    bool begin_or_wait(const wait_limit& limit, std::error_code& error) noexcept;
    bool begin_or_wait(const wait_limit& limit, detail::stop_request stopping, detail::wake_reason& reason) noexcept;
    void end(state reached) noexcept;

    template <class Function, class... Arguments>
    void run(Function&& function, Arguments&&... arguments) {
        struct attempt {
            once& owner;
            state reached = state::idle;
            ~attempt() { owner.end(reached); }
        } present{*this};
        std::invoke(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
        present.reached = state::done;
    }

    detail::spin_lock lock_;
    std::atomic<state> state_{state::idle}; // written under lock_
    detail::wait_queue waiters_;            // guarded by lock_
    std::atomic<std::uint64_t> runner_{0};  // who runs the function, as sync/ownership.hpp says; 0 when none
};

} // namespace moor
