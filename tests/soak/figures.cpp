// See figures.hpp.
#include "soak/figures.hpp"

#include <chrono>

#include "debug/live_runtimes.hpp"
#include "sched/runtime_core.hpp"
#include "sched/stop_wait.hpp"
#include "support/eventually.hpp"
#include "support/process_figures.hpp"

namespace moor::test {
figures read_figures(runtime& running) {
    detail::runtime_core& core = *running.run([] { return &sched::worker::current()->runtime(); });
    static_cast<void>(eventually([&core] { return core.unretired() == 0 && core.all_workers_sleep(); },
                                 std::chrono::seconds(2))); // else it is seen below
    const runtime_metrics seen = running.metrics();
    const stack::segment_counters segments = core.segments.counters();
    figures read{};
    const auto set = [&read](figure which, std::uint64_t value) { read[static_cast<std::size_t>(which)] = value; };
    set(figure::operations, seen.operations_in_use);
    set(figure::open_handles, seen.handles_open);
    set(figure::coroutines, seen.coroutines_alive);
    set(figure::control_blocks, core.unretired());
    std::uint64_t timers = 0;
    for (const auto& each : core.workers) {
        timers += each->timers_running();
    }
    set(figure::timers, timers);
    set(figure::stop_watches, sched::watched_stop_tokens());
    set(figure::segments, segments.in_use());
    debug::live_runtimes::use([&](debug::live_runtimes::list all) { set(figure::runtimes, all.size() - 1); });
    set(figure::process_handles, process_handles());
    set(figure::threads, process_threads());
    set(figure::operation_memory, seen.operations_allocated);
    set(figure::reserved_stacks, seen.stacks_committed);
    set(figure::segment_memory, segments.committed / 1024);
    set(figure::heap, heap_bytes() / 1024);
    set(figure::private_memory, committed_bytes() / 1024);
    set(figure::address_space, reserved_bytes() / 1024 / 1024);
    set(figure::charged_memory, charged_bytes() / 1024);
    return read;
}

} // namespace moor::test
