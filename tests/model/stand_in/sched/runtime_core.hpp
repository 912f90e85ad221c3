// Stands in for src/sched/runtime_core.hpp: a runtime as the modelled files see it. To make a coroutine runnable is to
// let its thread of the model go on.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include <moor/runtime.hpp>

#include "checker/model.hpp"
#include "iocp/io_service.hpp"
#include "sched/coroutine.hpp"
#include "sched/idle_workers.hpp"
#include "sched/worker.hpp"

namespace moor::detail {

/// What else a worker looks at before it sleeps and after: nothing in a model.
struct quiet_monitor {
    void worker_woke() noexcept {}
};
struct no_deadlocks {
    [[nodiscard]] DWORD look() noexcept { return INFINITE; }
};

class runtime_core {
public:
    void make_ready(coroutine& ready) noexcept;
    void recycle(coroutine& unused) noexcept;
    void wake_worker() noexcept;
    void notice_progress() noexcept {}
    [[nodiscard]] bool workers_shall_end() const noexcept { return ending.load(std::memory_order_acquire); }

    // The modelled files create none.
    [[nodiscard]] coroutine& create(const spawn_options& options, const unstarted_coroutine::body_layout& of);
    void discard(coroutine& created) noexcept;
    void start(coroutine& created) noexcept;

    runtime_options options;
    iocp::io_service io;
    sched::shared_queue shared;
    sched::shared_queue yielded;
    sched::idle_workers idle;
    quiet_monitor monitor;
    no_deadlocks deadlocks;
    std::atomic<bool> ending{false};
    std::atomic<unsigned> outside_joiners{0};
    std::vector<sched::worker*> workers;
    int recycled = 0;
};

} // namespace moor::detail
