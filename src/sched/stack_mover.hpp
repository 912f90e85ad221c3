// Moving the stacks of coroutines of the movable kind: when they move, and where to. Law 3: a stack moves only at a
// growth or shrink point of its own running coroutine, never while it is parked, or has an exception in flight.
//
// Such a point is where covered code checks its room: in the prologue of a function, and in a call of the library. So
// no frame of the library lies on a stack that moves, but those of a throw, which never go on. What the library wants
// of a stack (a suspension finds it too large) is done at the next such point: the check limit is raised until then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <moor/detail/body.hpp>

#include "sched/counter.hpp"
#include "stack/data_stack.hpp"
#include "stack/memory.hpp"

namespace moor::stack {
class relocation;
}

namespace moor::unwind {
class frame_shape_cache;
}

namespace moor::sched {

using detail::coroutine;

class worker;
struct adjustment;

/// One worker's: for the coroutine that runs there.
class stack_mover {
public:
    explicit stack_mover(worker& on) noexcept;
    ~stack_mover();

    /// prepare_stack, for `self`, which runs.
    void prepare(coroutine& self, std::size_t room) noexcept;

    /// On the worker's system stack, between the halves of a call: for moor_move_stack. Returns where the saved
    /// registers are afterwards.
    [[nodiscard]] std::byte* move_running_stack(std::byte* saved_at) noexcept;

    counter copies;
    counter words_changed; // by them: saved frame pointers
    // What checks after each move have met.
    counter frames_checked;
    counter frame_crossings;
    counter audit_findings; // words

private:
    [[nodiscard]] std::uint64_t check_limit_of(const coroutine& self) const noexcept;
    [[nodiscard]] std::size_t size_for(std::size_t used, std::size_t room) const noexcept;
    void consider_shrinking(coroutine& self, std::size_t used) noexcept;
    [[nodiscard]] std::byte* move_at_leisure(coroutine& self, std::byte* saved_at, std::size_t taken) noexcept;
    [[nodiscard]] std::byte* move_to(coroutine& self, std::size_t size, std::byte* first) noexcept;
    void examine_move(const coroutine& self, const stack::memory& old, const stack::relocation& move,
                      const adjustment& changed) noexcept;

    worker& on_;
    std::unique_ptr<unwind::frame_shape_cache> shapes_; // made by the first move
    std::uint64_t foreign_ = 0;                         // what code forbade the last move
};

/// Before the running coroutine suspends, on the way into every wait: looks at the end of its stack and whether `room`
/// bytes are left, gives back what its data stack has not used, and decides whether the stack is too large. Never moves
/// it: whoever has called the library did that (src/compiler/divert_calls.cpp). Does nothing on other stacks.
void prepare_stack(std::size_t room) noexcept;

/// Ends the process when somebody has written beyond the end of that coroutine's segment.
void check_end(const coroutine& self) noexcept;

/// Before a suspension: gives back what a data stack has not used for a while.
void trim_data(stack::data_stack& of) noexcept;

/// Whether a coroutine with that body may run on a stack that moves: whether the pass of src/compiler has compiled it.
[[nodiscard]] bool may_move(detail::body::entry run);

/// What waiting needs, from detail::wait's constructor to the switch and back; and what a call of the I/O layer needs
/// on top. Bytes, held by tests.
inline constexpr std::size_t room_to_wait = 704;
inline constexpr std::size_t room_for_io = 1024;

} // namespace moor::sched
