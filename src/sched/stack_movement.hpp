// Moving the stacks of coroutines of the movable kind; see stack_movement.cpp.
#pragma once

#include <cstddef>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"

namespace moor::sched {

/// Before the running coroutine suspends, on the way into every wait: looks at the end of its stack and whether `room`
/// bytes are left, gives back what its data stack has not used, and decides whether the stack is too large. Never moves
/// it: whoever has called the library did that (src/compiler/divert_calls.cpp). Does nothing on other stacks.
void prepare_stack(std::size_t room) noexcept;

/// Whether a coroutine with that body may run on a stack that moves: whether the pass of src/compiler has compiled it.
[[nodiscard]] bool may_move(detail::body::entry run);

/// What waiting needs, from detail::wait's constructor to the switch and back; and what a call of the I/O layer needs
/// on top. Bytes, held by tests.
inline constexpr std::size_t room_to_wait = 704;
inline constexpr std::size_t room_for_io = 1024;

} // namespace moor::sched
