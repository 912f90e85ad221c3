// How the program is told to stop from outside: Ctrl-C in its console, or the end of its standard input.
#pragma once

#include <stop_token>

namespace frame_relay {

/// Requested once any of the ways below was taken.
[[nodiscard]] std::stop_token stop_of_program();

/// Ctrl-C, Ctrl-Break, and the closing of the console window. Throws std::system_error.
void stop_on_console_event();

/// End-of-file on the standard input: for a parent process, which has no console to press Ctrl-C in. Throws
/// std::system_error.
void stop_on_end_of_input();

} // namespace frame_relay
