// Turning the system's error numbers into std::error_code, and the end of the process for what must not happen.
#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>

namespace moor::win {

/// `code` (from GetLastError or WSAGetLastError) in moor::winsock_category(); no error for 0.
[[nodiscard]] std::error_code to_error(std::uint32_t code) noexcept;

/// A condition that moor itself raises, in moor::moor_category(); no error for std::errc{}. In place of
/// std::make_error_code, whose category has no text for half of them in some C runtimes.
[[nodiscard]] std::error_code to_error(std::errc condition) noexcept;

/// What a caller did wrong, where the bare std::errc would not say so. Codes of moor::moor_category() with a text of
/// their own, which says what to do; they compare equal to the std::errc in the comments.
enum class misuse : int {
    // operation_not_permitted
    outside_coroutine = 1001,
    foreign_runtime,
    runtime_has_ended,
    lock_not_owned,
    no_exception_room,
    process_ends,
    // invalid_argument
    outstanding_accepts,
    no_endpoint,
    too_many_buffers,
    source_of_another_family,
    group_of_another_family,
    interface_of_another_family,
    no_coroutine,
    result_is_taken,
    no_channel,
    end, ///< no code; one more than the last
};

[[nodiscard]] std::error_code to_error(misuse what) noexcept;

/// The calling thread's last error, Winsock's included: the same place holds both (WSAGetLastError, Microsoft Learn).
[[nodiscard]] std::uint32_t last_error_number() noexcept;

/// The same as an error code.
[[nodiscard]] std::error_code last_error() noexcept;

/// Throws std::system_error with the calling thread's last error. `what` begins with "moor: ".
[[noreturn]] void throw_last_error(const char* what);

/// Writes `text` to standard error with nothing but a system call: usable on a nearly exhausted stack and under any
/// lock.
void write_error_stream(std::string_view text) noexcept;

/// The same on the stack that the caller is on, with no look at the thread: for reports of a thread that may be just
/// changing stacks.
void write_error_stream_here(std::string_view text) noexcept;

/// Has `fatal` call `function` before anything else, on the thread that calls fatal. The last one given counts. Any
/// thread.
void call_before_fatal(void (*function)() noexcept) noexcept;

/// Writes "moor: <text>\n" and ends the process at once with `exit_status`; no destructors, no handlers.
[[noreturn]] void fatal(std::string_view text, unsigned exit_status = 3) noexcept;

} // namespace moor::win
