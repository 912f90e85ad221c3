// Shutdown in the order that runtime_core.hpp lists, and the birth of coroutines: block, stack, first place in a queue.
#include "sched/runtime_core.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "sched/coroutine_life.hpp"
#include "sched/runtime_checks.hpp"
#include "sched/stack_mover.hpp"
#include "win/error.hpp"
#include "win/spinning.hpp"
#include "win/system_calls.hpp"
#include "win/thread.hpp"

namespace moor::detail {
namespace {

constexpr std::size_t most_coroutines = std::size_t{1} << 23; // per runtime: 4 GiB of address space

std::atomic<std::uint64_t> next_coroutine_id{1};

[[noreturn]] void refuse(const char* what) {
    throw std::system_error(win::to_error(std::errc::invalid_argument), what);
}

stack::segment_pool_options segment_options(const runtime_options& options) noexcept {
    stack::segment_pool_options wanted;
    wanted.kept_chunks = options.kept_stack_memory / stack::segment_pool::chunk_size / 2; // twice as many may gather
    wanted.no_cache = options.debug.stack_no_cache;
    wanted.fault_on_free = options.debug.stack_fault_on_free || options.debug.stack_guard;
    wanted.guard = options.debug.stack_guard;
    return wanted;
}

} // namespace

std::uint64_t reserve_coroutine_ids(std::uint64_t count) noexcept {
    return next_coroutine_id.fetch_add(count, std::memory_order_relaxed);
}

runtime_core::runtime_core(const runtime_options& requested, sched::make_reports make)
    : options(sched::checked(requested)), slot_of_threads(win::thread_slot::registration()),
      slot_of_data(win::data_slot::registration()),
      reports(make(options.debug)), io{iocp::completion_port(options.workers), iocp::operation_pool()},
      stacks(options.kept_stack_memory), segments(segment_options(options)), coroutines(most_coroutines),
      monitor(*this), progress_(win::system().make_event(nullptr, FALSE, FALSE, nullptr)) {
    if (!progress_) {
        win::throw_last_error("moor: CreateEvent");
    }
    for (unsigned index = 0; index < options.workers; ++index) {
        workers.push_back(std::make_unique<sched::worker>(*this, index));
    }
    try {
        for (const auto& each : workers) {
            each->start_thread();
        }
        monitor.start_thread(); // without preemption too: maybe_yield goes by what it finds
        reports->runtime_runs(*this);
    } catch (...) {
        shutdown();
        throw;
    }
}

runtime_core::~runtime_core() {
    shutdown();
    coroutines.for_each([](const coroutine& each) {
        if (each.references.load(std::memory_order_acquire) != 0) {
            win::fatal("a join_handle outlives its runtime");
        }
    });
}

void runtime_core::shutdown() noexcept {
    if (win::process_is_ending() || std::exchange(shut_down_, true)) {
        return;
    }
    if (win::holds_loader_lock()) {
        win::fatal("a runtime ends within DllMain or with a static object of a DLL, where its threads cannot end: "
                   "destroy it, or call shutdown(), before FreeLibrary");
    }
    stopping_.store(true, std::memory_order_seq_cst);
    ask_all_to_stop();
    thread_waits_for_end();
    // Workers count an end and then look at `stopping_`, without a fence between. This puts one into all of them:
    // whoever does not see `stopping_` after it has counted before it.
    ::FlushProcessWriteBuffers();
    wait_until_retired();
    closed_.store(true, std::memory_order_seq_cst);
    for (win::spinning until_then; starting_outside_.load(std::memory_order_seq_cst) != 0;) {
        until_then.pause(); // a plain thread is within spawn, which does not wait for anything
    }
    wait_until_retired();
    outside_joiners.fetch_sub(1);
    // What is still open belongs to objects that outlive the runtime. They keep a handle that is closed.
    io.handles.close_all();
    // What was pending is cancelled; its packets are on their way.
    constexpr std::chrono::milliseconds longest_wait{10'000};
    for (auto since = detail::now(); operations_in_use() != 0;) {
        if (win::wait_for(progress_, static_cast<DWORD>(longest_wait.count()))) {
            since = detail::now();
        } else if (detail::now() - since >= longest_wait && operations_in_use() != 0) {
            const auto text =
                fmt::format("{} operations are in use after the last coroutine of their runtime has ended: "
                            "the system does not complete what was cancelled ten seconds ago",
                            operations_in_use());
            win::fatal(text);
        }
    }
    wait_until_no_handle_is_open();
    reports->runtime_ends(*this);
    ending_.store(true, std::memory_order_release);
    io.port.post_wake();
    for (const auto& each : workers) {
        each->join_thread();
    }
    monitor.join_thread();
}

void runtime_core::wait_until_no_handle_is_open() noexcept {
    const wait_limit unlimited;
    for (;;) {
        wait waiting("shutdown", unlimited, stop_request::ignored);
        waiter node;
        node.ticket = waiting.ticket();
        if (!io.handles.add_waiter_for_none(node)) {
            return;
        }
        static_cast<void>(waiting.suspend());
    }
}

void runtime_core::wait_until_retired() noexcept {
    while (unretired() != 0) {
        static_cast<void>(win::wait_for(progress_, INFINITE));
    }
}

// Sequentially consistent together with start(): either a new coroutine sees `stopping_`, or it is visible here.
void runtime_core::ask_all_to_stop() noexcept {
    coroutines.for_each([](coroutine& each) {
        if (each.id.load(std::memory_order_seq_cst) != 0) {
            each.request_stop();
        }
    });
}

coroutine& runtime_core::create(const spawn_options& wanted, const unstarted_coroutine::body_layout& of) {
    const win::runtime_section section;
    if (wanted.worker && *wanted.worker >= workers.size()) {
        refuse("moor::spawn: there is no such worker");
    }
    if (wanted.stack_size > stack::largest_reserved_stack) {
        refuse("moor::spawn: the stack is over 1 GiB");
    }
    sched::worker* const here = worker_of_caller();
    coroutine& made = here != nullptr ? coroutines.take(here->free_coroutines()) : coroutines.take_shared();
    if (here == nullptr) {
        starting_outside_.fetch_add(1, std::memory_order_seq_cst); // until start() or discard()
    }
    try {
        // Sequentially consistent together with shutdown(): either this start is counted in time, or it sees that it is
        // too late.
        if (here == nullptr && closed_.load(std::memory_order_seq_cst)) {
            throw std::system_error(win::to_error(win::misuse::runtime_has_ended), "moor: runtime::spawn");
        }
        take_stack(made, here, wanted, of.run);
        if (of.size > coroutine::inline_body || of.alignment > alignof(std::max_align_t)) {
            made.large_body_alignment = static_cast<std::uint32_t>(std::max(of.alignment, alignof(std::max_align_t)));
            made.large_body =
                win::call_on_system_stack([size = of.size, alignment = std::align_val_t{made.large_body_alignment}] {
                    return ::operator new(size, alignment, std::nothrow);
                });
            if (made.large_body == nullptr) {
                throw std::bad_alloc();
            }
        }
    } catch (...) {
        discard(made);
        throw;
    }
    made.begin(*this, wanted);
    return made;
}

void runtime_core::take_stack(coroutine& made, sched::worker* here, const spawn_options& wanted, body::entry run) {
    made.movement = {};
    if (wanted.stack == stack_kind::reserved || !sched::may_move(run)) {
        std::size_t size = wanted.stack_size == 0 ? options.stack_size : stack::rounded_stack_size(wanted.stack_size);
        if (wanted.stack == stack_kind::movable) { // what it says is how the stack begins, and this one cannot grow
            size = std::max(size, options.stack_size);
        }
        if (here == nullptr) {
            made.stack = stacks.allocate(size);
            return;
        }
        // A cache that is empty asks the arena, and that the system: more than a stack that moves has room for.
        made.stack = win::call_on_system_stack([here, size]() noexcept -> stack::memory {
            try {
                return here->stacks().take_slot(size);
            } catch (const std::exception&) { // no memory, for the stack or for the list of them
                return {};
            }
        });
        if (!made.stack) {
            throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: committing a stack");
        }
        return;
    }
    const std::size_t size =
        stack::rounded_segment_size(wanted.stack_size == 0 ? options.movable_stack_size : wanted.stack_size);
    if (size > stack::largest_segment) {
        refuse("moor::spawn: a movable stack begins with at most 64 KiB");
    }
    made.movement.movable = true;
    made.movement.smallest = static_cast<std::uint32_t>(size);
    made.stack = here != nullptr ? here->stacks().take(size) : segments.take(size);
    if (!made.stack) {
        throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: a stack segment");
    }
    made.stack.mark_end();
}

void runtime_core::give_stack(coroutine& unused, sched::worker* here) noexcept {
    const stack::memory given = std::exchange(unused.stack, {});
    if (here != nullptr) {
        here->stacks().give(given);
    } else if (given.kind == stack::memory::form::segment) {
        segments.give(given.as_segment());
    } else {
        stacks.release(given.as_slot());
    }
}

void runtime_core::discard(coroutine& created) noexcept {
    const win::runtime_section section;
    created.references.store(0, std::memory_order_relaxed);
    created.free_large_body();
    if (created.stack) {
        give_stack(created, worker_of_caller());
    }
    recycle(created);
    if (worker_of_caller() == nullptr) {
        starting_outside_.fetch_sub(1);
        wake_worker(); // a worker may have taken this start for a reason why the others are no deadlock
    }
}

void runtime_core::start(coroutine& created) noexcept {
    const win::runtime_section section;
    sched::worker* const here = worker_of_caller();
    if (here != nullptr) {
        here->started.add(1);
    } else {
        started_outside_.fetch_add(1);
    }
    created.id.store(here != nullptr ? here->new_coroutine_id() : reserve_coroutine_ids(1), std::memory_order_seq_cst);
    if (stopping_.load(std::memory_order_seq_cst)) {
        created.stop_requested.store(true, std::memory_order_relaxed);
    }
    if (created.pinned_worker >= 0) {
        workers[static_cast<std::size_t>(created.pinned_worker)]->enqueue_pinned(created);
    } else if (here != nullptr) {
        here->enqueue_new(created);
    } else {
        shared.push(created);
    }
    if (here == nullptr) {
        starting_outside_.fetch_sub(1);
        wake_worker();
    }
}

void runtime_core::recycle(coroutine& unused) noexcept {
    const win::runtime_section section;
    unused.id.store(0, std::memory_order_release);
    if (sched::worker* const here = worker_of_caller()) {
        coroutines.give(unused, here->free_coroutines());
    } else {
        coroutines.give_shared(unused);
    }
}

sched::worker* runtime_core::worker_of_caller() noexcept {
    sched::worker* const here = sched::worker::current();
    return here != nullptr && &here->runtime() == this ? here : nullptr;
}

void runtime_core::make_ready(coroutine& ready) noexcept {
    const win::runtime_section section;
    if (ready.pinned_worker >= 0) {
        workers[static_cast<std::size_t>(ready.pinned_worker)]->enqueue_pinned(ready);
    } else if (sched::worker* const here = worker_of_caller()) {
        here->make_ready(ready);
    } else {
        shared.push(ready);
        wake_worker();
    }
}

void runtime_core::wake_worker() noexcept {
    if (idle.claim_wakeup()) {
        wakeups_.fetch_add(1, std::memory_order_relaxed);
        io.port.post_wake();
    }
}

// The workers may all sleep already, and none of them looks again by itself: one is woken to do so.
void runtime_core::thread_waits_for_end() noexcept {
    outside_joiners.fetch_add(1);
    wake_worker();
}

std::uint64_t runtime_core::started() const noexcept {
    std::uint64_t sum = started_outside_.load();
    for (const auto& each : workers) {
        sum += each->started.value();
    }
    return sum;
}

// Ends are summed before starts, so that the difference is never too small: zero is the truth.
std::uint64_t runtime_core::started_less(sched::counter sched::worker::*ends) const noexcept {
    std::uint64_t sum = 0;
    for (const auto& each : workers) {
        sum += ((*each).*ends).value();
    }
    return started() - sum;
}

std::uint64_t runtime_core::alive() const noexcept { return started_less(&sched::worker::ended); }

std::uint64_t runtime_core::unretired() const noexcept { return started_less(&sched::worker::retired); }

std::uint64_t runtime_core::operations_in_use() const noexcept {
    std::int64_t balance = io.pool.shared_balance();
    for (const auto& each : workers) {
        balance += each->operation_balance();
    }
    return balance > 0 ? static_cast<std::uint64_t>(balance) : 0;
}

bool runtime_core::is_deadlocked() const noexcept {
    const std::uint64_t before = idle.snapshot();
    if (!sched::idle_workers::all_asleep(before, static_cast<unsigned>(workers.size())) ||
        outside_joiners.load() == 0 || alive() == 0) {
        return false;
    }
    // After alive(): a coroutine that was counted there is started from outside still, or queued by now.
    if (starting_outside_.load() != 0 || work_guards.load() != 0 || operations_in_use() != 0 || !shared.empty() ||
        !yielded.empty()) {
        return false;
    }
    for (const auto& each : workers) {
        if (each->timers_running() != 0 || each->has_stealable() || each->has_pinned()) {
            return false;
        }
    }
    // Last: whoever took something out of a queue above, or let a timer expire, has stopped sleeping before. It may
    // sleep again by now, having put something into a place that was looked at before.
    return idle.snapshot() == before;
}

runtime_metrics runtime_core::metrics() const noexcept {
    runtime_metrics seen;
    seen.coroutines_alive = alive();
    seen.coroutines_started = started();
    for (const auto& each : workers) {
        seen.coroutines_stolen += each->stolen.value();
        seen.packets_dequeued += each->packets.value();
        seen.packets_foreign += each->foreign_packets.value();
    }
    seen.operations_in_use = operations_in_use();
    seen.operations_allocated = io.pool.allocated();
    seen.handles_open = io.handles.count();
    seen.wakeups_posted = wakeups_.load(std::memory_order_relaxed);
    seen.stacks_committed = stacks.committed();
    seen.preemptions_refused = monitor.refusals();
    for (const auto& each : workers) {
        seen.stack_copies += each->mover().copies.value();
        seen.preemptions += each->preempted.value();
        seen.frames_checked += each->mover().frames_checked.value();
        seen.frame_crossings += each->mover().frame_crossings.value();
        seen.audit_findings += each->mover().audit_findings.value();
    }
    return seen;
}

} // namespace moor::detail
