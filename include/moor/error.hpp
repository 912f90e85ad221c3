// Errors as std::error_code: those of the system, the conditions that moor itself decides, and the end of a stream.
#pragma once

#include <system_error>

namespace moor {

/// Winsock and Win32 error numbers (10054, 995, …) with the system's message text. Its codes compare equal to the
/// std::errc that means the same: WSAECONNRESET to connection_reset, ERROR_OPERATION_ABORTED to operation_canceled,
/// WSAETIMEDOUT to timed_out, and so on.
[[nodiscard]] const std::error_category& winsock_category() noexcept;

/// What moor itself decides: a deadline that has passed, a request to stop, a call that is not allowed here. The codes
/// compare equal to std::errc (`error == std::errc::timed_out`), whose numbers they have; or, where the text says what
/// to do, numbers of their own. Not the generic category, because the C runtime's texts for that one lack the most
/// frequent ones.
[[nodiscard]] const std::error_category& moor_category() noexcept;

/// Conditions of a stream that the system has no number for.
enum class stream_errc : int {
    end_of_stream = 1, ///< the peer closed before the bytes asked for had come
};

/// The category of stream_errc.
[[nodiscard]] const std::error_category& stream_category() noexcept;

/// For comparisons and conversions: `error == moor::stream_errc::end_of_stream`.
[[nodiscard]] inline std::error_code make_error_code(stream_errc code) noexcept {
    return {static_cast<int>(code), stream_category()};
}

} // namespace moor

template <>
struct std::is_error_code_enum<moor::stream_errc> : std::true_type {};
