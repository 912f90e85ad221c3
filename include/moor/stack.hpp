// The stack of the calling coroutine: room for code that has no stack checks, and calls on the worker's system stack.
// Which kinds of stack there are: docs/stacks.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <moor/detail/compiler.hpp>

/// In assembly; see moor::ensure_stack.
extern "C" void moor_ensure_stack(std::size_t bytes) noexcept;

namespace moor {

namespace detail {

/// Calls function(argument), which must not throw, on the worker's system stack; right here when the caller is on it
/// already or is no coroutine.
void call_on_system_stack(void (*function)(void*), void* argument) noexcept;

/// A call whose result or exception is brought back from the other stack.
template <class Function, class Result = std::invoke_result_t<Function>>
class system_stack_call {
public:
    explicit system_stack_call(Function&& function) noexcept : function_(std::forward<Function>(function)) {}

    Result run() {
        call_on_system_stack([](void* self) { static_cast<system_stack_call*>(self)->run_there(); }, this);
        if constexpr (!std::is_nothrow_invocable_v<Function>) {
            if (error_) [[unlikely]] {
                std::rethrow_exception(std::move(error_));
            }
        }
        if constexpr (std::is_reference_v<Result>) {
            return static_cast<Result>(*result_);
        } else if constexpr (!std::is_void_v<Result>) {
            return std::move(*result_);
        }
    }

private:
    struct nothing {};
    using kept = std::conditional_t<
        std::is_void_v<Result>, nothing,
        std::conditional_t<
            std::is_reference_v<Result>, std::remove_reference_t<Result>*,
            std::optional<std::conditional_t<std::is_void_v<Result>, nothing, std::remove_cvref_t<Result>>>>>;

    void call() {
        if constexpr (std::is_void_v<Result>) {
            std::invoke(std::forward<Function>(function_));
        } else if constexpr (std::is_reference_v<Result>) {
            Result value = std::invoke(std::forward<Function>(function_));
            result_ = std::addressof(value);
        } else {
            result_.emplace(std::invoke(std::forward<Function>(function_)));
        }
    }

    void run_there() noexcept {
        if constexpr (std::is_nothrow_invocable_v<Function>) {
            call();
        } else {
            try {
                call();
            } catch (...) {
                error_ = std::current_exception();
            }
        }
    }

    Function&& function_;
    MOOR_NO_UNIQUE_ADDRESS kept result_{};
    std::conditional_t<std::is_nothrow_invocable_v<Function>, nothing, std::exception_ptr> error_{};
};

} // namespace detail

/// Makes sure that at least `bytes` of stack are free below the caller, beside what code with stack checks leaves
/// free anyway: for calls into code that was built without checks. A movable stack is moved to a larger place if need
/// be; on a reserved stack and on a plain thread nothing happens. Never suspends.
/// Ends the process with a message when it is as large as runtime_options::largest_movable_stack allows.
inline void ensure_stack(std::size_t bytes) noexcept { moor_ensure_stack(bytes); }

/// Calls `function()` on the worker thread's system stack (a megabyte or more, as the linker says) and returns its
/// result or throws its exception: the way to call Win32 and C libraries from a movable stack. The coroutine's stack
/// does not move meanwhile, so references into it are good for as long as the call lasts. `function` must not suspend:
/// that ends the process with a message. On a plain thread, and when nested, it is an ordinary call.
template <class Function>
    requires std::invocable<Function>
auto on_system_stack(Function&& function) noexcept(std::is_nothrow_invocable_v<Function>)
    -> std::invoke_result_t<Function> {
    return detail::system_stack_call<Function>(std::forward<Function>(function)).run();
}

namespace this_coroutine {

/// How often the calling coroutine's stack has moved so far; 0 outside a coroutine.
[[nodiscard]] std::uint64_t stack_copies() noexcept;

} // namespace this_coroutine
} // namespace moor
