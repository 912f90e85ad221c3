// What is known of a coroutine when a fault ends the process: who it was, where its stack lies and has lain, which
// operations the system may be writing to, and the words near its stack pointer that look like damaged return
// addresses.
#pragma once

#include "win/process_registration.hpp"
#include "win/windows.hpp"

namespace moor::debug {

/// The report, for the whole process; a filter for unhandled exceptions that was set before is called after it. Using
/// it throws std::system_error. When its last user has gone the filter is as it was before; if somebody has set another
/// one meanwhile, which may call ours, the image stays loaded until the process ends.
///
/// The report is written when nobody has handled the fault: on a coroutine's stack when the search has come to its
/// outermost frame, or cannot come there because a frame is broken; elsewhere by the filter. Then the process ends as
/// it would without. It takes no lock and allocates nothing.
[[nodiscard]] win::process_registration& crash_report() noexcept;

} // namespace moor::debug

extern "C" EXCEPTION_DISPOSITION moor_unhandled_on_coroutine(EXCEPTION_RECORD* fault, void* frame, CONTEXT* registers,
                                                             void* dispatcher) noexcept;
