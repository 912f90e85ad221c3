// What moor knows itself of Winsock's and Win32's error numbers: the portable condition that each means, and a text for
// where the system has none (Wine has none for most of Winsock's).
#pragma once

#include <span>
#include <system_error>

namespace moor::win {

struct known_error {
    int number;
    std::errc portable; ///< std::errc{} when none fits
    const char* text;
};

/// In the order of their numbers: all of Winsock's, and Win32's that the library meets.
[[nodiscard]] std::span<const known_error> known_errors() noexcept;

/// Null for a number that is not among them.
[[nodiscard]] const known_error* find_known_error(int number) noexcept;

} // namespace moor::win
