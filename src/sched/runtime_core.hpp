// What stands behind moor::runtime: the workers, what they share, and the order of starting and ending.
//
// Shutdown, step by step:
//   0. When the process is ending, nothing: the workers are gone. Under the loader's lock, where they could
//      not end, the process ends with a message.
//   1. `stopping_` is set, so that new coroutines start with a request to stop.
//   2. Every living coroutine is asked to stop.
//   3. The caller waits until the last has left its stack.
//   4. `closed_` is set: plain threads can spawn no more; what they spawned until then has ended, too.
//   5. Handles that are still open, of objects that outlive the runtime, are closed.
//   6. The caller waits until no operation is in use and no handle open: workers dequeue the packets of cancelled ones.
//   7. `ending_` is set: workers and monitor end and are joined.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <moor/runtime.hpp>

#include "iocp/io_service.hpp"
#include "sched/circle_watch.hpp"
#include "sched/deadlock_watch.hpp"
#include "sched/idle_workers.hpp"
#include "sched/monitor.hpp"
#include "sched/reports.hpp"
#include "sched/shared_queue.hpp"
#include "sched/worker.hpp"
#include "stack/reserved_stack.hpp"
#include "win/handle.hpp"
#include "win/insist.hpp"
#include "win/loader.hpp"
#include "win/process_registration.hpp"
#include "win/slab.hpp"
#include "win/socket.hpp"
#include "win/system_calls.hpp"
#include "win/timer_resolution.hpp"

namespace moor::detail {

class runtime_core {
public:
    /// `make` makes the reports once the switches are known.
    runtime_core(const runtime_options& options, sched::make_reports make);
    ~runtime_core();
    runtime_core(const runtime_core&) = delete;
    runtime_core& operator=(const runtime_core&) = delete;

    void shutdown() noexcept;

    /// Creates a coroutine with room for a body of that size; not visible to anybody yet. Throws as moor::spawn.
    [[nodiscard]] coroutine& create(const spawn_options& options, const unstarted_coroutine::body_layout& of);

    /// Takes back one that was created and not started.
    void discard(coroutine& created) noexcept;

    /// Makes a created one runnable.
    void start(coroutine& created) noexcept;

    /// Recycles a control block whose last reference is gone.
    void recycle(coroutine& unused) noexcept;

    /// Queues a runnable coroutine of this runtime. Any thread.
    void make_ready(coroutine& ready) noexcept;

    /// Has a sleeping worker look for work, unless one is looking already. Any thread; after the work was queued.
    void wake_worker() noexcept;

    [[nodiscard]] runtime_metrics metrics() const noexcept;
    /// Coroutines whose bodies have not ended.
    [[nodiscard]] std::uint64_t alive() const noexcept;
    /// Coroutines whose stacks and blocks are not given back yet.
    [[nodiscard]] std::uint64_t unretired() const noexcept;
    [[nodiscard]] std::uint64_t operations_in_use() const noexcept;

    /// Whether nothing inside the runtime, and no work_guard, can wake a blocked coroutine that somebody waits for.
    /// Only true answers of a worker that is about to be the last to sleep mean something; see deadlock_watch.
    [[nodiscard]] bool is_deadlocked() const noexcept;

    /// A plain thread is about to wait, without a deadline, for coroutines to end. Counted in outside_joiners, which
    /// the caller takes back.
    void thread_waits_for_end() noexcept;

    /// Something that shutdown waits for may have happened: a coroutine ended, an operation came back.
    void notice_progress() noexcept {
        if (stopping_.load(std::memory_order_relaxed)) {
            win::insist("SetEvent", [this] { return win::system().set_event(progress_.get()); });
        }
    }

    [[nodiscard]] bool all_workers_sleep() const noexcept {
        return sched::idle_workers::all_asleep(idle.snapshot(), static_cast<unsigned>(workers.size()));
    }

    [[nodiscard]] bool workers_shall_end() const noexcept { return ending_.load(std::memory_order_acquire); }

    const runtime_options options; // as completed by the constructor

    // What the process knows of moor while this lives.
    const win::module_reference module;
    const win::registration_user slot_of_threads;
    const win::registration_user slot_of_data;
    const std::unique_ptr<sched::reports> reports;

    // Shared by the workers, each with its own rules.
    win::winsock_session winsock;
    win::fine_timer_resolution timer_resolution;
    iocp::io_service io;
    stack::reserved_arena stacks;
    stack::segment_pool segments;
    win::slab<coroutine> coroutines;
    sched::shared_queue shared;
    /// Coroutines that yielded while some of their worker compute; any worker may run them, after all others. See
    /// sched/worker_fairness.cpp.
    sched::shared_queue yielded;
    sched::idle_workers idle;

    // Constant after construction; they use all of the above.
    std::vector<std::unique_ptr<sched::worker>> workers;
    sched::circle_watch circles{*this}; // the monitor's
    sched::monitor monitor;
    sched::deadlock_watch deadlocks{*this};

    std::atomic<unsigned> work_guards{0};     // work_guard objects alive
    std::atomic<unsigned> outside_joiners{0}; // plain threads that wait, without a deadline, for a coroutine's end

private:
    void ask_all_to_stop() noexcept;
    void wait_until_retired() noexcept;
    /// After close_all(), until uses in progress have ended.
    void wait_until_no_handle_is_open() noexcept;
    [[nodiscard]] sched::worker* worker_of_caller() noexcept;
    void take_stack(coroutine& made, sched::worker* here, const spawn_options& wanted, body::entry run);
    void give_stack(coroutine& unused, sched::worker* here) noexcept;
    [[nodiscard]] std::uint64_t started() const noexcept;
    [[nodiscard]] std::uint64_t started_less(sched::counter sched::worker::*ends) const noexcept;

    win::unique_handle progress_; // auto-reset event, for shutdown
    std::atomic<bool> stopping_{false};
    std::atomic<bool> closed_{false}; // plain threads can start no coroutine any more
    std::atomic<bool> ending_{false};
    std::atomic<unsigned> starting_outside_{0}; // plain threads between create() and the end of start() or discard()
    std::atomic<std::uint64_t> started_outside_{0};
    std::atomic<std::uint64_t> wakeups_{0};
    bool shut_down_ = false;
};

} // namespace moor::detail
