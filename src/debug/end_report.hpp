// Who it was when a coroutine has the process end by std::terminate or std::abort: those say nothing of coroutines.
#pragma once

namespace moor::debug {

/// Before the handlers that were set before, which are called as ever: for std::terminate the coroutine, what() of the
/// exception if there is one, and the calls that led there; likewise for abort. For the whole process; part of
/// crash_report(), which calls each of the two in turn.
void install_end_report() noexcept;
/// Sets the handlers from before again. False: somebody else has set one meanwhile and may call ours.
[[nodiscard]] bool remove_end_report() noexcept;

/// For a worker's thread: some C++ runtimes have a handler for std::terminate of each thread.
void prepare_thread_for_end_report() noexcept;

} // namespace moor::debug
