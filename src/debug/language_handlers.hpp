// Which frames may take a fault for themselves. Compilers name a handler in a function's unwind data; most of those are
// of C++, run destructors and look for catch blocks, and pass on what the processor raises. Whoever tells of a fault
// before it is dispatched has to know them, and takes everything that he does not know for one that may handle it.
#pragma once

#include <cstdint>

#include "unwind/code_image.hpp"

namespace moor::debug {

/// What a handler does with a fault.
enum class handler_kind : std::uint8_t {
    unknown,     ///< nobody knows; it may handle it
    structured,  ///< __try and __except: it may handle it
    passes_on,   ///< it never does
    cpp,         ///< of MSVC's catch blocks; they take faults only in code that was compiled with /EHa
    compact_cpp, ///< the same, with the denser tables (__CxxFrameHandler4)
};

/// Of a function in this image, by its address. What another image has inside is unknown.
[[nodiscard]] handler_kind kind_of_handler(std::uint64_t address) noexcept;

/// Whether a frame with such a handler may take a fault; `data` is where the handler's data begin, in bytes from the
/// start of the image. Data that cannot be read say that it may.
[[nodiscard]] bool may_take_fault(handler_kind kind, const unwind::code_image& image, std::uint64_t data) noexcept;

/// Whether a frame of the function may take a fault. `is_own`: of the image that this is part of. All of these take no
/// lock and allocate nothing.
[[nodiscard]] bool may_take_fault(const unwind::code_image& image, const unwind::function_entry& whole_function,
                                  bool is_own) noexcept;

} // namespace moor::debug
