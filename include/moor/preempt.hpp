// Preemption: taking the processor from a coroutine that does not give it up by itself. What the caller of each
// promises, and every reason why an attempt is put off: docs/preemption.md. After Go's asynchronous preemption
// (proposal 24543).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace moor {

/// Calls function(argument) by a frame that ends the frames of a preemptible scope. In assembly.
extern "C" void moor_run_preemptible(void (*function)(void*), void* argument);

namespace detail {

/// Begin and end of a preemptible scope of the calling coroutine. Outside a coroutine, and on a worker's system stack,
/// they do nothing. Only within moor_run_preemptible: so an interruption finds the end of the scope's frames.
void enter_preemptible() noexcept;
void leave_preemptible() noexcept;

class [[nodiscard]] preemptible_scope {
public:
    preemptible_scope() noexcept { enter_preemptible(); }
    ~preemptible_scope() { leave_preemptible(); }
    preemptible_scope(const preemptible_scope&) = delete;
    preemptible_scope& operator=(const preemptible_scope&) = delete;
};

void forbid_preemption() noexcept;
void allow_preemption() noexcept;

} // namespace detail

/// Calls `function()` and returns its result. Meanwhile the coroutine may be interrupted at any instruction of the main
/// image when it has run for longer than runtime_options::time_slice; the others of its worker run, and it continues
/// later, on the same worker.
/// The caller promises that nothing it calls holds a lock, or leaves something half done, that another coroutine of
/// this worker could come across: calls of moor and into DLLs are never interrupted, but a library that is linked into
/// the program is. `no_preempt` guards such calls.
/// Nests. On a plain thread it is an ordinary call. May suspend, like anything in it.
template <class Function>
    requires std::invocable<Function>
auto preemptible(Function&& function) -> std::invoke_result_t<Function> {
    using result = std::invoke_result_t<Function>;
    using callee = std::remove_reference_t<Function>;
    if constexpr (std::is_void_v<result>) {
        moor_run_preemptible(
            [](void* called) {
                const detail::preemptible_scope scope;
                std::invoke(std::forward<Function>(*static_cast<callee*>(called)));
            },
            const_cast<void*>(static_cast<const volatile void*>(std::addressof(function))));
    } else {
        using kept = std::conditional_t<std::is_reference_v<result>, std::remove_reference_t<result>*,
                                        std::optional<std::remove_cv_t<result>>>;
        struct call {
            callee& function;
            kept value{};
        } made{function};
        moor_run_preemptible(
            [](void* called) {
                const detail::preemptible_scope scope;
                auto& here = *static_cast<call*>(called);
                if constexpr (std::is_reference_v<result>) {
                    result value = std::invoke(std::forward<Function>(here.function));
                    here.value = std::addressof(value);
                } else {
                    here.value.emplace(std::invoke(std::forward<Function>(here.function)));
                }
            },
            &made);
        if constexpr (std::is_reference_v<result>) {
            return static_cast<result>(*made.value);
        } else {
            return *std::move(made.value);
        }
    }
}

/// While one lives, the coroutine is not preempted: for code within a preemptible scope that takes a lock, or calls a
/// library that may. Nests; may be held across a suspension. If an attempt had to be put off, its end yields. Must be
/// destroyed by the coroutine that made it; on a plain thread it does nothing.
class [[nodiscard]] no_preempt {
public:
    /// From here on the coroutine is not preempted.
    no_preempt() noexcept { detail::forbid_preemption(); }
    ~no_preempt() { detail::allow_preemption(); }
    no_preempt(const no_preempt&) = delete;
    no_preempt& operator=(const no_preempt&) = delete;
};

/// For loops that cannot be preempted: yields when the coroutine has run for longer than a time slice, else costs
/// little more than a load. Returns whether it yielded. On a plain thread it does nothing.
bool maybe_yield() noexcept;

/// Why an attempt to preempt a coroutine was put off.
enum class preempt_refusal : std::uint8_t {
    no_scope,            ///< it is in no preemptible scope
    forbidden,           ///< it holds a no_preempt
    in_runtime,          ///< the worker is between coroutines, on its own stack, or in a section of the runtime
    exception_in_flight, ///< something was thrown and is not caught yet
    system_active,       ///< the system is in a call or an exception of the thread
    being_stepped,       ///< a debugger goes through it step by step
    other_stack,         ///< it runs on a stack that is not its own, or its registers say so
    other_image,         ///< it runs in a DLL, or was called by one within the scope
    too_deep,            ///< more frames than are looked at lie within the scope
    bad_frames,          ///< its frames cannot be followed
    no_memory,           ///< there is nowhere to keep its registers
    system_refuses,      ///< the system would not suspend the thread, or not say or set its registers
};
/// The number of reasons.
inline constexpr std::size_t preempt_refusals = 12;

/// The name of a reason, as in the enumeration.
[[nodiscard]] const char* to_string(preempt_refusal reason) noexcept;

} // namespace moor
