// The list of blocked coroutines that a deadlock is reported with.
#pragma once

namespace moor::detail {
class runtime_core;
}

namespace moor::debug {

/// Writes one line per living coroutine to standard error: id, name, what it waits for. `certain`: no thread outside
/// the runtime could wake one either. Any thread; exact while no worker runs.
void write_blocked_report(detail::runtime_core& runtime, bool certain) noexcept;

} // namespace moor::debug
