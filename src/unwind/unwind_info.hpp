// The unwind data of amd64 Windows: what the compiler says of a function's prologue, in the .pdata and .xdata of an
// image. The Windows headers declare only the first of the two structures, and none of this needs Windows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moor::unwind {

/// RUNTIME_FUNCTION: one function, or a part of one. All three are in bytes from the start of the image.
struct function_entry {
    std::uint32_t begin;
    std::uint32_t end;    ///< the first byte after it
    std::uint32_t unwind; ///< of its unwind_info; with the lowest bit set, of another entry to be taken instead

    [[nodiscard]] bool contains(std::uint32_t rva) const noexcept { return rva >= begin && rva < end; }
    /// At the end of a table: room that a linker leaves for the next time, when it links incrementally.
    [[nodiscard]] bool is_padding() const noexcept { return begin == 0 && end == 0 && unwind == 0; }
};
static_assert(sizeof(function_entry) == 12 && alignof(function_entry) == 4);

/// UNWIND_INFO, without the codes that follow it.
struct unwind_info {
    static constexpr unsigned chained = 4; ///< flag: followed by the entry of the function that this is a part of

    std::uint8_t version_and_flags;
    std::uint8_t prologue_bytes;
    std::uint8_t code_count;
    std::uint8_t frame_register_and_offset; ///< register in the lower half, offset in units of 16 in the upper

    [[nodiscard]] unsigned version() const noexcept { return version_and_flags & 7u; }
    [[nodiscard]] unsigned flags() const noexcept { return version_and_flags >> 3u; }
    [[nodiscard]] bool is_chained() const noexcept { return (flags() & chained) != 0; }
    [[nodiscard]] unsigned frame_register() const noexcept { return frame_register_and_offset & 15u; }
    [[nodiscard]] std::uint64_t frame_offset() const noexcept {
        return std::uint64_t{16} * (frame_register_and_offset >> 4u);
    }
    /// Whether it is followed by the address of a handler, for exceptions or for their unwinding.
    [[nodiscard]] bool has_handler() const noexcept { return (flags() & 3u) != 0; }
    [[nodiscard]] std::uint32_t handler_at() const noexcept { return chained_at(); }
    /// Where the entry that this is chained to lies, in bytes from the start of this.
    [[nodiscard]] std::uint32_t chained_at() const noexcept {
        return 4u + (code_count + 1u) / 2 * 4; // the codes are padded to an even number, 2 bytes each
    }
};
static_assert(sizeof(unwind_info) == 4);

/// What an unwind code undoes.
enum class unwind_operation : std::uint8_t {
    push_nonvolatile = 0,
    allocate_large = 1,
    allocate_small = 2,
    set_frame_register = 3,
    save_nonvolatile = 4,
    save_nonvolatile_far = 5,
    epilogue = 6, ///< version 2 only: where epilogues are, undoes nothing
    spare = 7,
    save_vector = 8,
    save_vector_far = 9,
    push_machine_frame = 10,
};

/// UNWIND_CODE.
struct unwind_code {
    std::uint8_t offset; ///< of the end of the instruction, from the beginning of the prologue
    std::uint8_t operation_and_info;

    [[nodiscard]] unwind_operation operation() const noexcept {
        return static_cast<unwind_operation>(operation_and_info & 15u);
    }
    [[nodiscard]] unsigned info() const noexcept { return operation_and_info >> 4u; }

    /// How many codes this one takes up, with the operands that follow it; 0 for an operation that nobody knows.
    [[nodiscard]] unsigned slots(unsigned version) const noexcept {
        switch (operation()) {
        case unwind_operation::push_nonvolatile:
        case unwind_operation::allocate_small:
        case unwind_operation::set_frame_register:
        case unwind_operation::push_machine_frame: return 1;
        case unwind_operation::allocate_large: return info() == 0 ? 2 : info() == 1 ? 3 : 0;
        case unwind_operation::save_nonvolatile:
        case unwind_operation::save_vector: return 2;
        case unwind_operation::save_nonvolatile_far:
        case unwind_operation::save_vector_far: return 3;
        case unwind_operation::epilogue: return version == 2 ? 1 : 0;
        default: return 0;
        }
    }
};
static_assert(sizeof(unwind_code) == 2);

} // namespace moor::unwind
