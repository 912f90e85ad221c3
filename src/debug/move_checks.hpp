// The debugging switches that look at a stack right after it has moved: verify_copy, check_frames and audit. What the
// first two find ends the process; what the audit finds is reported and counted, since a word may look like an address.
#pragma once

#include "debug/stack_audit.hpp"

namespace moor::debug {

/// Does what the runtime's switches ask for; `suspensions` is null without the audit. Called on the worker's system
/// stack, by its thread.
void check_move(const sched::moved_stack& moved, const suspension_addresses* suspensions) noexcept;

/// Walks the frames of the calling coroutine, from here on, up to its first one, wherever they lie: from a callback on
/// the worker's system stack over to the coroutine's. Ends the process with a list of the frames when one of them is
/// broken, counts what was walked in the runtime's metrics. Needs 8 KiB of stack; does nothing outside a coroutine.
void check_frames_of_caller() noexcept;

} // namespace moor::debug
