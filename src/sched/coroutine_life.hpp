// From the first line of a coroutine's body to the recycling of its control block. Two things end independently: the
// body and its result, which the coroutine and its handle share, and the block, which is in use until the last switch
// away from its stack is finished.
#pragma once

#include "sched/coroutine.hpp"

namespace moor::detail {

/// Who waits in coroutine::joiners.
struct joiner : waiter {
    end_use use = end_use::wait_only;
    bool blocks_a_thread = false; // one of runtime_core::outside_joiners
    bool has_result = false;      // set before it wakes: it is the one of those that are there for the result
};

/// One more reference, to a coroutine whose body has not ended. Takes end_lock.
[[nodiscard]] coroutine_reference another_reference(coroutine& of) noexcept;

/// After the body has run: wakes the joiners, and destroys the body if nobody has a reference. On the coroutine's
/// stack.
void end_body(coroutine& self) noexcept;

/// After the last switch away from a finished coroutine. On the stack that runs next.
void retire(coroutine& left) noexcept;

/// Destroys the body of a coroutine that nobody references any more. Ends the process when it holds an exception that
/// nobody took.
void destroy_body(coroutine& unreferenced) noexcept;

} // namespace moor::detail
