// The boundary between compiled code and a stack that moves: the assembly routines of growth_gas.S, what they save, and
// the two functions that they call, which the scheduler defines.
//
// Code that was compiled with stack checks calls __morestack from its prologue when the check fires. All registers are
// saved on the running stack, where they are copied and adjusted with everything else; then the thread goes to its own
// stack, moves the coroutine's, and comes back to the copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace moor::stack {

/// As the assembly saves it, from the stack pointer upwards.
struct saved_registers {
    alignas(16) std::array<std::uint64_t, 32> vectors; // xmm0 to xmm15
    std::uint64_t unused;                              // keeps the stack pointer aligned
    std::uint64_t reason;                              // r11; a request of ours, or the size of the stack arguments
    std::uint64_t frame;                               // r10: bytes that the caller needs below its stack pointer
    std::array<std::uint64_t, 13> general;             // r9 r8 rdx rcx rax r15 r14 r13 r12 rsi rdi rbx rbp
    std::uint64_t return_address;

    /// Why __morestack was called, beside the check of a function that the compiler made. Larger than any size of
    /// stack arguments.
    static constexpr std::uint64_t for_throw = 0x7ffffff1;
};
static_assert(sizeof(saved_registers) == 392 + 8); // 8 of padding beyond the return address

/// Bytes from the saved registers up to the caller's stack pointer as it was before it called __morestack.
inline constexpr std::size_t saved_bytes = 392;

} // namespace moor::stack

extern "C" {
/// Called on the running stack with all registers saved. Returns the address on the thread's system stack from which
/// moor_move_stack can be called, or null when the running stack cannot move; then nothing has changed.
void* moor_begin_move() noexcept;

/// Called on the thread's system stack. Moves the running stack and returns where the saved registers are now.
std::byte* moor_move_stack(std::byte* saved) noexcept;
}
