// What a coroutine that was preempted keeps until it goes on: all of the processor's registers. On the heap, because
// nothing is written to the coroutine's stack (law 4). The monitor fills the general registers in while
// the thread is suspended; the thread itself saves the rest (trampoline_gas.S), since the system does not hand another
// thread's vector registers over reliably.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace moor::preempt {

/// The layout is known to the trampoline and to its unwind data. 64-byte aligned, as XSAVE wants it. The first five are
/// what the processor pushes at an interrupt, in that order: a machine frame, by which debuggers and unwinders find the
/// interrupted code.
struct alignas(64) preempted_state {
    std::uint64_t instruction = 0;
    std::uint64_t code_segment = 0;
    std::uint64_t flags = 0;
    std::uint64_t stack_pointer = 0;
    std::uint64_t stack_segment = 0;
    std::uint64_t rax = 0;
    std::uint64_t rcx = 0;
    std::uint64_t rdx = 0;
    std::uint64_t rbx = 0;
    std::uint64_t rbp = 0;
    std::uint64_t rsi = 0;
    std::uint64_t rdi = 0;
    std::uint64_t r8 = 0;
    std::uint64_t r9 = 0;
    std::uint64_t r10 = 0;
    std::uint64_t r11 = 0;
    std::uint64_t r12 = 0;
    std::uint64_t r13 = 0;
    std::uint64_t r14 = 0;
    std::uint64_t r15 = 0;
    std::uint64_t features = 0;  ///< of the processor's state that XSAVE covers: a mask for it
    std::uint64_t stack_sum = 0; ///< for preempt_verify
    std::uint32_t own_mxcsr = 0; ///< the floating-point control state of the worker's system stack
    std::uint16_t own_control_word = 0;
    std::uint64_t system_stack = 0; ///< the trampoline's stack pointer: 16-byte aligned, 32 free bytes above it
    std::uint64_t register_sum = 0; ///< for preempt_verify
    // At offset 256 the area that XSAVE fills, as large as the processor says.

    static constexpr std::size_t area_offset = 256;

    struct deleter {
        void operator()(preempted_state* unused) const noexcept {
            ::operator delete (static_cast<void*>(unused), std::align_val_t{alignof(preempted_state)});
        }
    };
    using owner = std::unique_ptr<preempted_state, deleter>;

    /// Null when there is no memory. The floating-point control state is that of the caller: a worker's system stack.
    [[nodiscard]] static owner make() noexcept;

    /// Whether this processor and system have XSAVE.
    [[nodiscard]] static bool possible() noexcept;
};
// For preempt_verify: sums of what must not change, the stack (from the stack pointer up to `top`) from the suspension
// to the arrival in the trampoline, the general registers until the coroutine goes on. The checks end the process
// with a message.
void sum_up(preempted_state& state, const std::byte* top) noexcept;
void check_stack(const preempted_state& state, const std::byte* top) noexcept;
void check_registers(const preempted_state& state) noexcept;

static_assert(sizeof(preempted_state) == preempted_state::area_offset);

} // namespace moor::preempt

extern "C" {
/// Where a preempted thread goes on: with a preempted_state* in rbx, and still on the stack that it was interrupted on.
/// Never called.
void moor_preempt_arrival();
/// Continues what was preempted. Runs on any stack but that one.
[[noreturn]] void moor_preempt_resume(const moor::preempt::preempted_state* state);
/// What the system has enabled of the processor's extended state (XGETBV).
std::uint64_t moor_extended_features();
std::uint16_t moor_x87_control_word();
/// Called by the trampoline on the worker's system stack.
[[noreturn]] void moor_preempted(moor::preempt::preempted_state* state) noexcept;
}
