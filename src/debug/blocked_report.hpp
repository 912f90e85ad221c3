// The list of blocked coroutines that a deadlock is reported with.
#pragma once

namespace moor::detail {
class runtime_core;
}

namespace moor::debug {

/// Writes one line per living coroutine to standard error: id, name, what it waits for. Any thread; exact while no
/// worker runs.
void write_blocked_report(detail::runtime_core& runtime) noexcept;

} // namespace moor::debug
