// From a frame to its caller's, for a thread that somebody else has suspended (law 4). The system's RtlVirtualUnwind
// promises neither to look nothing up nor to survive a stack pointer that points nowhere; this reads only the bytes of
// one image and of one stack, each read checked first. It takes no lock, allocates nothing and cannot fault.
//
// Vector registers are not restored: no unwind data finds a frame by them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "unwind/code_image.hpp"

namespace moor::unwind {

/// What the processor goes on with. General registers are in the order of their numbers: rax, rcx, rdx, rbx, rsp, rbp,
/// rsi, rdi, r8 to r15.
struct machine_registers {
    static constexpr unsigned stack_pointer_number = 4;

    std::array<std::uint64_t, 16> general{};
    std::uint64_t instruction = 0;

    [[nodiscard]] std::uint64_t& stack_pointer() noexcept { return general[stack_pointer_number]; }
    [[nodiscard]] std::uint64_t stack_pointer() const noexcept { return general[stack_pointer_number]; }
};

/// The readable addresses of a stack. Its thread does not run while it is read, or it is a copy that is read.
struct stack_bounds {
    std::uint64_t lowest = 0;
    std::uint64_t top = 0;         ///< the first address above it
    std::uint64_t to_the_copy = 0; ///< added to an address, with a wrap, it is that of the copied word; 0: no copy

    [[nodiscard]] bool contains(std::uint64_t address) const noexcept { return address >= lowest && address < top; }
    /// The word at `address`; nothing when it is not all on the stack.
    [[nodiscard]] std::optional<std::uint64_t> word_at(std::uint64_t address) const noexcept;
};

enum class unwind_result : std::uint8_t {
    done,
    off_stack,       ///< what it would have read is not on the stack
    bad_unwind_data, ///< makes no sense, or is of a version that this does not know
};

/// Makes `registers`, which are inside the function of `entry`, those of its caller after the return: anywhere in the
/// function, also in its prologue or an epilogue. A null entry is that of a leaf, which changes neither the stack
/// pointer nor a register of its caller's. On failure `registers` are worth nothing.
[[nodiscard]] unwind_result unwind_frame(const code_image& image, const function_entry* entry,
                                         const stack_bounds& stack, machine_registers& registers) noexcept;

} // namespace moor::unwind
