// What the scheduler has reported to a person, and checked, by a layer above it: src/debug does both, and the public
// constructor of a runtime hands it over (src/runtime/runtime.cpp). So the scheduler does not know that layer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <moor/debug.hpp>

#include "sched/coroutine.hpp"
#include "stack/memory.hpp"

namespace moor::detail {
class runtime_core;
}

namespace moor::sched {

class worker;

/// A stack that has moved, in its own coroutine's run; its old contents are still there.
struct moved_stack {
    worker& on; ///< the calling thread's, which is on its system stack
    const detail::coroutine& of;
    const stack::memory& old;
    const std::byte* first; ///< lowest byte of the old place that the coroutine used
    const std::byte* copy;  ///< where that byte is now
    std::size_t changed;    ///< words that differ
};

/// One runtime's. It lives as long as the runtime does.
class reports {
public:
    reports() noexcept = default;
    reports(const reports&) = delete;
    reports& operator=(const reports&) = delete;
    virtual ~reports() = default;

    /// By a worker's thread, before anything else.
    virtual void thread_begins() noexcept = 0;

    /// All threads of the runtime run; they are about to end. The second also without the first.
    virtual void runtime_runs(detail::runtime_core& runtime) = 0;
    virtual void runtime_ends(detail::runtime_core& runtime) noexcept = 0;

    /// With the switch audit: where a coroutine was left. On any stack of a worker, within its headroom.
    virtual void left_at(const void* address) noexcept = 0;

    /// With one of the switches verify_copy, check_frames and audit: does what they ask for. On the worker's system
    /// stack.
    virtual void stack_moved(const moved_stack& moved) noexcept = 0;

    /// All coroutines are blocked. `certain`: no thread outside the runtime could wake one either. Any thread.
    virtual void all_blocked(detail::runtime_core& runtime, bool certain) noexcept = 0;

    /// Each of these waits for the next, and the last for the first. `certain`: no request to stop ends it either.
    virtual void blocked_in_circle(std::span<const detail::coroutine* const> members, bool certain) noexcept = 0;
};

/// Makes the reports of a runtime with these switches; throws std::system_error.
using make_reports = std::unique_ptr<reports> (*)(const debug_switches& switches);

} // namespace moor::sched
