// What src/iocp asks of the scheduler: which worker a thread is, and whether its coroutine has had its slice.
#include "iocp/io_context.hpp"
#include "sched/coroutine.hpp"
#include "sched/runtime_core.hpp"
#include "sched/stack_movement.hpp"
#include "sched/worker.hpp"

namespace moor {

void iocp::prepare_stack() noexcept { sched::prepare_stack(sched::room_for_io); }

bool iocp::slice_is_over() noexcept {
    const detail::coroutine* const self = sched::worker::current_coroutine();
    return self != nullptr && self->yield_wanted.load(std::memory_order_relaxed);
}

iocp::io_context iocp::current_io() noexcept {
    sched::worker* const here = sched::worker::current();
    if (here == nullptr) {
        return {};
    }
    const detail::coroutine* const self = sched::worker::current_coroutine();
    const bool stop_due =
        self != nullptr && self->interruptible_now() && self->stop_requested.load(std::memory_order_relaxed);
    return {&here->runtime().io, &here->operations(), stop_due};
}

} // namespace moor
