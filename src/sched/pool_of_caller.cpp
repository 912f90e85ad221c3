// What src/iocp asks of the scheduler: whose worker a thread is.
#include "iocp/operation.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"

namespace moor {

const iocp::operation_pool* iocp::pool_of_caller() noexcept {
    sched::worker* const here = sched::worker::current();
    return here != nullptr ? &here->runtime().io.pool : nullptr;
}

} // namespace moor
