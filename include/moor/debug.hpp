// Switches for finding bugs: in the program that uses moor, and in moor itself. Set per runtime in
// runtime_options::debug, or for a whole process by the environment variable MOOR_DEBUG, which adds to them:
//
//     MOOR_DEBUG=force_move=1,stack_poison_copy=1 service.exe
//
// What each is for: docs/stacks.md, docs/preemption.md, docs/debugging.md.
#pragma once

#include <cstddef>
#include <string_view>

namespace moor {

/// All off by default.
struct debug_switches {
    /// First segment of a movable stack, in bytes: a power of two from 1 KiB to 64 KiB; 0 leaves it to the runtime.
    std::size_t stack_min = 0;
    /// A segment that a stack has left is filled with 0xfd.
    bool stack_poison_copy = false;
    /// A segment that a stack has left becomes inaccessible, and its addresses are not used again for long.
    bool stack_fault_on_free = false;
    /// Below each segment lies an inaccessible page: a write beyond a stack's end faults at once.
    bool stack_guard = false;
    /// Segments go straight back to the pool that all workers share.
    bool stack_no_cache = false;
    /// Stacks never shrink.
    bool shrink_off = false;
    /// After each move the stack is walked with the unwind data: every return address must lie in code.
    bool check_frames = false;
    /// Stacks move at every suspension and at every growth check, whether they need to or not.
    bool force_move = false;
    /// After each move the old and the new stack are compared word by word.
    bool verify_copy = false;
    /// After each move heaps, image data and other stacks are searched for addresses of the old place.
    bool audit = false;
    /// Coroutines are not preempted.
    bool async_preempt_off = false;
    /// The time slice in microseconds; 0 leaves it to the runtime.
    std::size_t slice_us = 0;
    /// Coroutines are preempted as often as the system allows, with 200 microseconds between two attempts at a worker.
    bool preempt_storm = false;
    /// When a preempted coroutine has arrived in the scheduler, its stack is compared with what it was when its thread
    /// was suspended, and its saved registers before it continues. For programs in which no other thread writes to a
    /// coroutine's stack, as a wake-up or a reference to a local may do: the moment between is short, not none.
    bool preempt_verify = false;
    /// Movable stacks always have room for the system to report a fault or a watched write (moor/forensics.hpp) of code
    /// on them: 12 KiB more. For the whole process, from the first runtime on that has it.
    bool exception_room = false;
    /// No report of a fatal fault, of std::terminate or abort (docs/debugging.md).
    bool crash_report_off = false;
    /// No report of a worker that may wait for a lock that a preempted coroutine holds (docs/preemption.md).
    bool hang_report_off = false;
};

/// Reads `text` ("name=value,name=value") into `switches`; what it does not name stays as it is.
/// Throws std::system_error invalid_argument, whose message names the first switch or value that is not understood.
void parse_debug_switches(std::string_view text, debug_switches& switches);

} // namespace moor
