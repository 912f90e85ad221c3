// Covered code that holds numbers in every place that a function has while its stack moves, compiled twice: as it is
// written, and optimised. Numbers that look like addresses of that stack must come through (law 3).
#pragma once

#include <cstdint>

namespace moor::test::planted {

/// Moves the stack that it is called on.
using mover = void (*)();

/// Holds numbers from `first` on, 8 apart, and calls `move` meanwhile: in registers, spilled words, local variables of
/// several kinds, arguments on the stack and structures that are passed by value. Returns whether all are as they were.
using holder = bool (*)(std::uint64_t first, mover move);

/// The same code without optimisation and with frame pointers, and with optimisation and without.
[[nodiscard]] bool hold_unoptimised(std::uint64_t first, mover move);
[[nodiscard]] bool hold_optimised(std::uint64_t first, mover move);

} // namespace moor::test::planted
