// What moor/stack.hpp declares. Each of these is called from code with stack checks, so it finds the headroom below it.
#include <moor/stack.hpp>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"

namespace moor {
namespace {

// Null when the calling thread is not on a coroutine's stack now.
sched::worker* worker_of_running_stack() noexcept {
    sched::worker* const here = sched::worker::current();
    return here != nullptr && here->on_coroutine_stack() ? here : nullptr;
}

} // namespace

namespace detail {

void call_on_system_stack(void (*function)(void*), void* argument) noexcept {
    sched::worker* const here = worker_of_running_stack();
    if (here == nullptr) {
        function(argument);
        return;
    }
    here->call(function, argument);
}

} // namespace detail

std::uint64_t this_coroutine::stack_copies() noexcept {
    const auto* const self = sched::worker::current_coroutine();
    return self != nullptr ? self->movement.copies : 0;
}

} // namespace moor
