// Switching stacks: the jump, plus all that belongs to a running stack and that it does not swap. The jump, like
// Boost.Context's, swaps the callee-saved registers, MXCSR, the x87 control word and the TEB's stack base, limit and
// deallocation stack; here are the last error, errno, the C++ exception state, the stack check's limit and the data
// stack. The TEB fields in which every coroutine's stack differs from a thread's own are in system_stack.hpp.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <boost/context/detail/fcontext.hpp>

#include "context/exception_state.hpp"
#include "win/compiler.hpp"
#include "win/data_slot.hpp"
#include "win/teb.hpp"

/// jump_fcontext, faster; see jump_gas.S.
extern "C" boost::context::detail::transfer_t moor_jump(boost::context::detail::fcontext_t to, void* data);

namespace moor::context {

using boost::context::detail::fcontext_t;
using boost::context::detail::transfer_t;

/// Where a thread keeps what is swapped; looked up once by the thread itself.
struct thread_places {
    int* error_number = &errno;
    exception_place exceptions{};
};

/// A suspended stack. Owned by whoever may resume it; written by the thread that leaves it.
struct suspended_state {
    fcontext_t resume_at = nullptr; // set by the code that runs next, which is told the address by the jump
    exception_state exceptions{};
    std::uint64_t check_limit = 0; // 0: stack checks of split-stack code never fire
    std::uint32_t last_error = 0;
    int error_number = 0;
};

/// Notes the error numbers of the code that is about to leave: before the runtime does anything on its stack.
inline void keep_errors(const thread_places& thread, suspended_state& leaving) noexcept {
    leaving.last_error = win::teb::read_32(win::teb::field::last_error);
    leaving.error_number = *thread.error_number;
}

/// Leaves the running stack, whose state goes to `from`, and continues `to`, whose data stack is `data_of_to`. Returns
/// when something switches back, perhaps on another thread: the caller must not use anything thread-specific from
/// before. The result is where the stack that was left then can be resumed.
MOOR_ALWAYS_INLINE fcontext_t switch_stacks(const thread_places& thread, suspended_state& from,
                                            const suspended_state& to, void* data_of_to) noexcept {
    from.exceptions = thread.exceptions.load();
    win::teb::write(win::teb::field::check_limit, to.check_limit);
    win::data_slot::set(data_of_to);
    thread.exceptions.store(to.exceptions);
    return moor_jump(to.resume_at, nullptr).fctx;
}

/// On arrival: gives the running code back the error numbers that it left with, after whatever the
/// runtime did on its stack until then.
inline void restore_errors(const thread_places& thread, const suspended_state& arrived) noexcept {
    win::teb::write_32(win::teb::field::last_error, arrived.last_error);
    *thread.error_number = arrived.error_number;
}

/// Prepares a stack whose first byte above is `top` (16-byte aligned), so that the first switch to it calls `entry`.
/// The floating-point control state is that of the caller. Writes to the top of the stack.
inline fcontext_t make_context(std::byte* top, std::size_t bytes, void (*entry)(transfer_t)) noexcept {
    return boost::context::detail::make_fcontext(top, bytes, entry);
}

} // namespace moor::context
