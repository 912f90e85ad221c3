// Numbers that nobody outside the process can guess: where memory is put.
#pragma once

#include <cstdint>

namespace moor::win {

/// 64 random bits from the system or the processor. Slow (up to a microsecond); needs 3 KiB of stack. Any thread.
[[nodiscard]] std::uint64_t random_bits() noexcept;

} // namespace moor::win
