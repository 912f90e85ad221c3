// The process itself, as functions of the system want it named.
#pragma once

#include "win/windows.hpp"

namespace moor::win {

/// A constant that stands for the process; never closed.
[[nodiscard]] inline HANDLE this_process() noexcept { return ::GetCurrentProcess(); }

} // namespace moor::win
