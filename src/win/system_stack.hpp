// A worker thread's system stack, the one that the system gave it, and short calls on it from a coroutine's stack.
// Code that needs real room and does not suspend (Win32, Winsock, the CRT's allocator) runs there: law 6.
//
// Such a call begins right below where the system stack was left, since nothing runs there meanwhile. The TEB says for
// its length that the thread is on its system stack, so the system grows it by its guard page as ever, and stack checks
// of split-stack code never fire.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "win/compiler.hpp"
#include "win/teb.hpp"
#include "win/thread_slot.hpp"

/// Calls function(argument) with the stack pointer at `stack_pointer` (16-byte aligned, above free memory), and comes
/// back to the caller's stack. `function` must not throw.
extern "C" void moor_call_on_stack(void* stack_pointer, void (*function)(void*), void* argument);

namespace moor::win {

/// What the TEB says about the stack that a thread runs on.
struct stack_fields {
    std::uint64_t base = 0;
    std::uint64_t limit = 0;
    std::uint64_t deallocation = 0;
    std::uint64_t check_limit = 0; ///< 0: stack checks of split-stack code never fire

    [[nodiscard]] static stack_fields load() noexcept {
        using teb::field;
        return {teb::read(field::stack_base), teb::read(field::stack_limit), teb::read(field::deallocation_stack),
                teb::read(field::check_limit)};
    }
    void store() const noexcept {
        using teb::field;
        teb::write(field::stack_base, base);
        teb::write(field::stack_limit, limit);
        teb::write(field::deallocation_stack, deallocation);
        teb::write(field::check_limit, check_limit);
    }
};

/// Base of the scheduler's worker; the thread slot points to it. Used by its thread alone.
class system_stack {
public:
    /// What GuaranteedStackBytes holds on a coroutine's stack. Bytes.
    static constexpr std::uint32_t overflow_reserve = 16 * 1024;

    system_stack(const system_stack&) = delete;
    system_stack& operator=(const system_stack&) = delete;

    /// The calling thread's; null on threads that are no workers. Never cached across a suspension.
    [[nodiscard]] static system_stack* current() noexcept { return static_cast<system_stack*>(thread_slot::get()); }

    /// Whether the thread runs on a coroutine's stack now: not in the worker's loop, and in no call on the system
    /// stack.
    [[nodiscard]] bool on_coroutine_stack() const noexcept { return on_coroutine_stack_; }

    /// From a coroutine's stack: calls function(argument) on the thread's own.
    MOOR_ALWAYS_INLINE void call(void (*function)(void*), void* argument) noexcept {
        stack_fields coroutine = stack_fields::load();
        if (coroutine.limit != coroutine.deallocation) { // it grows by its guard page
            touch_below_caller();
            coroutine.limit = teb::read(teb::field::stack_limit);
        }
        begin_call();
        moor_call_on_stack(left_at(), function, argument);
        end_call(coroutine);
    }

    /// A runtime section of the thread: what the coroutine that runs here does until its end is not interrupted by a
    /// preemption, because another coroutine of this worker would find it half done. Nests; ends before the coroutine
    /// suspends. The monitor looks while the thread is suspended, so that what counts is the order of instructions.
    void begin_section() noexcept {
        sections_.store(sections_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    void end_section() noexcept {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        sections_.store(sections_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    }
    /// The only section, from before a switch of stacks until after the next one.
    void begin_switch() noexcept {
        sections_.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    void end_switch() noexcept {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        sections_.store(0, std::memory_order_relaxed);
    }
    [[nodiscard]] bool in_section() const noexcept { return sections_.load(std::memory_order_relaxed) != 0; }

    /// The two halves of a call, for code that switches by itself. Between them the thread may only run on its system
    /// stack, from left_at() downwards.
    void begin_call() noexcept {
        on_coroutine_stack_ = false;
        fields_.store(); // not ExceptionList and GuaranteedStackBytes: what coroutines have does for a call
    }
    void end_call(const stack_fields& coroutine) noexcept {
        fields_.limit = teb::read(teb::field::stack_limit); // the kernel moves it as the stack grows
        coroutine.store();
        on_coroutine_stack_ = true;
    }
    [[nodiscard]] void* left_at() const noexcept { return left_at_; }

protected:
    system_stack() noexcept = default;
    ~system_stack() = default;

    /// By the thread, on its system stack, before it switches to a coroutine; `left_at_` is set by who knows it then.
    void leave_system_stack() noexcept {
        fields_ = stack_fields::load();
        fields_.check_limit = 0;
        swapped_.load();
        swapped_.store_coroutine();
        on_coroutine_stack_ = true;
    }
    /// By the thread, on a coroutine's stack, before it switches back for good.
    void return_to_system_stack() noexcept {
        swapped_.store_own();
        on_coroutine_stack_ = false;
    }
    /// After that switch, which gave the TEB the stack limit from before any call.
    void restore_stack_limit() const noexcept { teb::write(teb::field::stack_limit, fields_.limit); }

    void* left_at_ = nullptr; // where the system stack was left, while a coroutine runs

private:
    friend struct system_stack_layout; // known to diverted_call_gas.S

    /// Has the kernel commit what a call pushes on the coroutine's stack while the TEB describes the thread's own
    /// already: a guard page that is touched then belongs to no stack that the kernel knows.
    MOOR_NOINLINE static void touch_below_caller() noexcept {
        std::array<volatile std::byte, 512> below;
        below[0] = std::byte{};
    }

    /// The TEB fields with one value on every coroutine stack and another on the thread's system stack.
    /// Wine keeps handlers below the thread's stack in ExceptionList and runs every one whose address is below the
    /// stack pointer, which on a coroutine stack breaks each throw; -1 ends the list. 64-bit Windows does not use the
    /// field. GuaranteedStackBytes is the room that the system leaves below a stack overflow, for the handler that
    /// reports it.
    struct thread_fields {
        std::uint64_t exception_list = 0;
        std::uint32_t guaranteed_bytes = 0;

        void load() noexcept {
            exception_list = teb::read(teb::field::exception_list);
            guaranteed_bytes = teb::read_32(teb::field::guaranteed_stack_bytes);
        }
        void store_own() const noexcept {
            teb::write(teb::field::exception_list, exception_list);
            teb::write_32(teb::field::guaranteed_stack_bytes, guaranteed_bytes);
        }
        void store_coroutine() const noexcept {
            teb::write(teb::field::exception_list, ~std::uint64_t{0});
            teb::write_32(teb::field::guaranteed_stack_bytes, overflow_reserve);
        }
    };

    stack_fields fields_; // of the system stack, while a coroutine runs
    thread_fields swapped_;
    bool on_coroutine_stack_ = false;
    std::atomic<std::uint32_t> sections_{0}; // the thread alone writes
};

/// A runtime section of the calling thread, if it is a worker.
class [[nodiscard]] runtime_section {
public:
    runtime_section() noexcept : thread_(system_stack::current()) {
        if (thread_ != nullptr) {
            thread_->begin_section();
        }
    }
    ~runtime_section() {
        if (thread_ != nullptr) {
            thread_->end_section();
        }
    }
    runtime_section(const runtime_section&) = delete;
    runtime_section& operator=(const runtime_section&) = delete;

private:
    system_stack* const thread_;
};

/// Calls `function` where there is room for a system call: on the thread's system stack when the caller is on a stack
/// that moves, else right here. `function` must not throw, suspend, or keep addresses of the caller's stack.
template <class Function>
MOOR_ALWAYS_INLINE auto call_on_system_stack(Function&& function) noexcept {
    using value = std::invoke_result_t<Function&>;
    // Only a stack that moves has a check limit.
    system_stack* const thread = teb::read(teb::field::check_limit) != 0 ? system_stack::current() : nullptr;
    if (thread == nullptr) [[likely]] {
        return function();
    }
    if constexpr (std::is_void_v<value>) {
        thread->call([](void* called) { (*static_cast<std::remove_reference_t<Function>*>(called))(); },
                     std::addressof(function));
    } else {
        struct call {
            std::remove_reference_t<Function>& function;
            value result;
        } made{function, value{}};
        thread->call(
            [](void* called) {
                auto& here = *static_cast<call*>(called);
                here.result = here.function();
            },
            &made);
        return made.result;
    }
}

} // namespace moor::win
