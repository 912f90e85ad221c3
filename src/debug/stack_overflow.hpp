// A clear message when a coroutine exhausts its stack, instead of the silent end of the process that Windows has for
// it.
#pragma once

namespace moor::debug {

/// Installs the report for the whole process, once. Throws std::system_error.
void install_stack_overflow_report();

} // namespace moor::debug
