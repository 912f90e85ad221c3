// Telling whether a thread is in an epilogue, and what of it is left to do. Unwind data of version 1 says nothing of
// epilogues: the instructions themselves tell, which may only be those that Microsoft's calling convention lists.
// Version 2 says where they are. Part of the unwinder (unwind.hpp), with its rules: reads only the image's bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "unwind/code_image.hpp"

namespace moor::unwind {

/// What is left of an epilogue, in this order.
struct epilogue {
    std::optional<std::uint8_t> from_register; ///< the stack pointer becomes this one
    std::uint64_t added = 0;                   ///< to the stack pointer; wraps round for what is subtracted
    std::array<std::uint8_t, 16> pops{};       ///< register numbers
    unsigned pop_count = 0;
    std::uint16_t removed_by_return = 0; ///< bytes, after the return address
};

/// The rest of the epilogue that begins at `rva`, behind the prologue of the function of `entry`; nothing when what is
/// there is the function's body.
[[nodiscard]] std::optional<epilogue> find_epilogue(const code_image& image, const function_entry& entry,
                                                    const code_image::located_info& at, std::uint32_t rva) noexcept;

} // namespace moor::unwind
