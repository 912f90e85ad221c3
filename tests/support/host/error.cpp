// The host's C library has texts for every condition, so moor's own category is not needed there.
#include "win/error.hpp"

namespace moor::win {

std::error_code to_error(std::errc condition) noexcept { return std::make_error_code(condition); }

} // namespace moor::win
