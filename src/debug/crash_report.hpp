// What is known of a coroutine when a fault ends the process: who it was, where its stack lies and has lain, which
// operations the system may be writing to, and the words near its stack pointer that look like damaged return
// addresses.
#pragma once

#include "win/windows.hpp"

namespace moor::debug {

/// Installs the report for the whole process, once; a filter for unhandled exceptions that was set before is called
/// after it. Throws std::system_error.
///
/// The report is written when nobody has handled the fault: on a coroutine's stack when the search has come to its
/// outermost frame, or cannot come there because a frame is broken; elsewhere by the filter. Then the process ends as
/// it would without. It takes no lock and allocates nothing.
void install_crash_report();

} // namespace moor::debug

extern "C" EXCEPTION_DISPOSITION moor_unhandled_on_coroutine(EXCEPTION_RECORD* fault, void* frame, CONTEXT* registers,
                                                             void* dispatcher) noexcept;
