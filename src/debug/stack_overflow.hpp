// A clear message when a coroutine exhausts its stack, instead of the silent end of the process that Windows has for
// it.
#pragma once

#include "win/process_registration.hpp"

namespace moor::debug {

/// The report, for the whole process. Using it throws std::system_error.
[[nodiscard]] win::process_registration& stack_overflow_report() noexcept;

} // namespace moor::debug
