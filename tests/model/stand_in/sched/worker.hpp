// Stands in for src/sched/worker.hpp: a worker as the modelled files see it. In most scenarios each coroutine is a
// thread of the model with a worker of its own; in those of idle workers a thread is a worker that runs coroutines to
// their end.
#pragma once

#include <atomic>
#include <cstdint>

#include "context/switch.hpp"
#include "iocp/adaptive_batch.hpp"
#include "iocp/completion_port.hpp"
#include "iocp/operation.hpp"
#include "sched/coroutine.hpp"
#include "sched/counter.hpp"
#include "sched/run_queue.hpp"
#include "sched/shared_queue.hpp"
#include "sched/timers.hpp"
#include "win/system_stack.hpp"

namespace moor::detail {
class runtime_core;
}

extern "C" void moor_coroutine_base(moor::context::transfer_t arrival);

namespace moor::sched {

using detail::coroutine;
using detail::runtime_core;

enum class departure : std::uint8_t { park, yield, finish };

/// No worker of a model looks at the time.
struct turn_clock {
    [[nodiscard]] std::uint32_t turns() const noexcept { return 0; }
    steady::time_point begin() noexcept { return {}; }
    void maintained() noexcept {}
};

struct thread_of_worker {
    const void* of;
    [[nodiscard]] void* get() const noexcept { return const_cast<void*>(of); }
};

class worker {
public:
    worker(runtime_core& runtime, unsigned index) noexcept;
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    /// Of the calling thread; null on one that runs no coroutine.
    [[nodiscard]] static worker* current() noexcept;
    [[nodiscard]] static coroutine* current_coroutine() noexcept {
        worker* const here = current();
        return here != nullptr ? &here->runs : nullptr;
    }

    /// What the code does that runs next on a real worker: it parks the coroutine, or makes it runnable at once.
    static void suspend(departure fate) noexcept;

    [[nodiscard]] timers& own_timers() noexcept { return timers_; }
    [[nodiscard]] runtime_core& runtime() noexcept { return runtime_; }
    [[nodiscard]] iocp::operation_cache& operations() noexcept { return operations_; }

    // worker_queues.cpp
    void make_ready(coroutine& ready) noexcept;
    void enqueue_new(coroutine& fresh) noexcept;
    void enqueue_pinned(coroutine& ready) noexcept;
    void wake_another() noexcept;

    // worker_idle.cpp
    [[nodiscard]] coroutine* find_work() noexcept;
    void found_work() noexcept;

    /// The next of its own queues, in an order that starves nobody who is there only once.
    [[nodiscard]] coroutine* choose_fairly() noexcept;

    [[nodiscard]] bool has_stealable() const noexcept { return !ring_.empty(); }
    [[nodiscard]] bool has_pinned() const noexcept { return !pinned_.empty(); }
    [[nodiscard]] unsigned index() const noexcept { return index_; }

    coroutine runs;
    counter dependent_waits;
    counter ended;
    counter stolen;
    counter packets;
    counter foreign_packets;
    std::atomic<std::uint32_t> resumed{0};
    bool on_system_stack = false; // where no coroutine runs

private:
    [[nodiscard]] coroutine* running_now() noexcept { return on_system_stack ? nullptr : &runs; }
    [[nodiscard]] coroutine* search_others() noexcept;
    [[nodiscard]] coroutine* steal_next_of(worker& victim) noexcept;
    void sleep_in_port() noexcept;
    [[nodiscard]] bool idle_search_allowed() noexcept;
    [[nodiscard]] bool work_in_sight() const noexcept;
    std::size_t poll(DWORD timeout, std::size_t room) noexcept;
    void share_surplus() noexcept;
    void push_last(coroutine& item) noexcept;
    void push_full_ring(coroutine& item) noexcept;

    runtime_core& runtime_;
    const unsigned index_;
    const bool alone_ = false;
    const thread_of_worker thread_{this};
    bool searching_ = false;
    turn_clock clock_;
    bool polled_ = false;
    steady::time_point polled_at_{};
    std::uint32_t victim_seed_ = 1;
    std::atomic<bool> asleep_{false};
    std::atomic<bool> stuck_{false};
    std::atomic<coroutine*> next_{nullptr};
    run_queue<coroutine, 2> ring_;
    shared_queue pinned_;
    timers timers_;
    iocp::operation_cache operations_;
    iocp::packet_batch batch_;
    iocp::adaptive_batch room_to_sleep_{iocp::packets_per_batch};
};

} // namespace moor::sched
