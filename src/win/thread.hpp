// Starting threads, and waiting for what they do.
#pragma once

#include "win/handle.hpp"
#include "win/system_calls.hpp"

namespace moor::win {

/// A new thread of the C runtime, which calls function(argument). Empty when the system refuses.
[[nodiscard]] unique_handle start_thread(system_calls::thread_function function, void* argument) noexcept;

/// Blocks the calling thread until `object` is signalled, or for so many milliseconds; whether it is signalled. A wait
/// that the system refuses is made again or ends the process (insist.hpp): whoever took it for one that has ended would
/// destroy what another thread uses, or ask again without a pause.
[[nodiscard]] bool wait_for(const unique_handle& object, DWORD milliseconds) noexcept;

/// Blocks the calling thread until that one has ended.
void wait_for_end(const unique_handle& thread) noexcept;

/// False also when the system does not say.
[[nodiscard]] bool has_ended(const unique_handle& thread) noexcept;

/// A handle of the calling thread that others can use. Empty when the system refuses.
[[nodiscard]] unique_handle handle_of_caller() noexcept;

/// The calling thread runs before threads of usual priority.
void run_before_others() noexcept;

} // namespace moor::win
