// Errors of the system as std::error_code: the Winsock category, and the stream errors that are moor's own.
#pragma once

#include <system_error>

namespace moor {

/// Winsock and Win32 error numbers (10054, 995, …) with the system's message text. Its codes compare equal to the
/// std::errc that means the same: WSAECONNRESET to connection_reset, ERROR_OPERATION_ABORTED to operation_canceled,
/// WSAETIMEDOUT to timed_out, and so on.
[[nodiscard]] const std::error_category& winsock_category() noexcept;

/// Conditions of a stream that the system has no number for.
enum class stream_errc : int {
    end_of_stream = 1, ///< the peer closed before the bytes asked for had come
};

[[nodiscard]] const std::error_category& stream_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(stream_errc code) noexcept {
    return {static_cast<int>(code), stream_category()};
}

} // namespace moor

template <>
struct std::is_error_code_enum<moor::stream_errc> : std::true_type {};
