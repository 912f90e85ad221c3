// From the first line of a coroutine's body to the recycling of its control block. Two things end independently: the
// body and its result, which the coroutine and its handle share, and the block, which is in use until the last switch
// away from its stack is settled.
#pragma once

#include "sched/coroutine.hpp"

namespace moor::detail {

/// Runs the body, keeps what it threw, wakes the joiner and drops the coroutine's own reference. On the coroutine's
/// stack.
void run_body(coroutine& self) noexcept;

/// What run_body calls within a preemptible scope: the body, which is the argument.
void run_work(void* work);

/// After the last switch away from a finished coroutine. On the stack that runs next.
void settle_finished(coroutine& left) noexcept;

/// Destroys the body of a coroutine that nobody references any more. Ends the process when it holds an exception that
/// nobody took.
void destroy_body(coroutine& unreferenced) noexcept;

} // namespace moor::detail
