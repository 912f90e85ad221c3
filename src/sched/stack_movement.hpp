// Moving the stacks of coroutines of the movable kind; see stack_movement.cpp.
#pragma once

#include <cstddef>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"

namespace moor::sched {

/// Before the running coroutine suspends, and before anything outside its stack knows an address in it: makes sure of
/// `room` bytes below the caller, grows the stack for that or shrinks it. The stack may have moved afterwards.
/// Does nothing on other stacks. Law 3: nothing else moves a stack on the way into a suspension.
void settle_stack(std::size_t room) noexcept;

/// What waiting needs, from detail::wait's constructor to the switch and back; and what a call of the I/O layer needs
/// on top. Bytes, held by tests.
inline constexpr std::size_t room_to_wait = 896;
inline constexpr std::size_t room_for_io = 1024;

} // namespace moor::sched
