// A switch of the allocator's way to its room (allocator_room.cpp).
#pragma once

#include <atomic>

namespace moor::stack {

/// Whether free() clears a block before the runtime gets it. The search of heaps for addresses of stacks
/// (debug/stack_audit.hpp) looks into blocks in use: the first bytes that a block's next user has not written yet would
/// tell of its last one, of an exception's header for example. Set once, before the search; for the whole process.
inline std::atomic<bool> clear_freed_blocks{false};

} // namespace moor::stack
