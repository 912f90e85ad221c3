// Whether the system's search for somebody who handles an exception can come to the outermost frame of a coroutine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "win/windows.hpp"

namespace moor::debug {

enum class fault_reach : std::uint8_t {
    base,    ///< it can: the frame there learns of it when nobody else wants it
    handler, ///< it cannot, but there is a frame on the way which may handle it, and nobody knows before
    nobody,  ///< it cannot, and there is nobody on the way
};

/// For a fault on a coroutine, or on its worker's system stack, at these registers. Takes no lock and allocates
/// nothing.
[[nodiscard]] fault_reach reach_of_fault(const CONTEXT& registers) noexcept;

/// Addresses in the instructions that the frames on the stack that the TEB describes are at, the innermost first: those
/// of the calls, not of what they return to. Returns how many, as far as the frames can be followed. Likewise.
[[nodiscard]] std::size_t calls_to(const CONTEXT& registers, std::span<std::uint64_t> found) noexcept;

} // namespace moor::debug
