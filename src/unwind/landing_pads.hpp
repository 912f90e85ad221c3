// Whether an exception that comes out of a call makes the calling function run again: a function whose call has no
// landing pad is left for good. A stack may move in a throw below such functions, whatever they hold (law 3).
#pragma once

#include <cstdint>

#include "unwind/code_image.hpp"

namespace moor::unwind {

/// Whether the function `part`, whose unwind data is `info`, has a handler that may do something about an exception of
/// the call that returns to `return_address`. Reads the tables of GCC's and Clang's C++ ("Exception Handling Tables" of
/// the Itanium C++ ABI, as Windows x64 has them behind the unwind data). True for what it does not know.
[[nodiscard]] bool may_have_landing_pad(const code_image& image, const function_entry& part,
                                        const code_image::located_info& info, std::uint64_t return_address) noexcept;

} // namespace moor::unwind
