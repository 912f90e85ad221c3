// A worker: one thread that runs coroutines, one after another, and sleeps in the completion port when there is none.
//
// A turn of the loop prefers, in this order: the `next` slot (what the last coroutine woke first), the worker's own
// ring, the runtime's shared queue (first every 61st turn), the coroutines pinned to it (first every other turn), those
// that yielded after they had computed for long, half of another worker's ring, and completed I/O. No order and no
// count bounds how long somebody waits when turns are long: time does, see worker_fairness.cpp. A coroutine that
// suspends takes that decision itself and switches straight to the next coroutine; only when its queues are empty, or
// when time asks for maintenance, does it switch to the worker's system stack. Nothing makes a coroutine visible as
// resumable before its context is saved: a departing coroutine only notes what is to happen to it, and the code that
// runs next does it (finish_switch).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <moor/preempt.hpp>

#include "context/switch.hpp"
#include "iocp/adaptive_batch.hpp"
#include "iocp/io_service.hpp"
#include "preempt/preempted_state.hpp"
#include "sched/counter.hpp"
#include "sched/run_queue.hpp"
#include "sched/shared_queue.hpp"
#include "sched/stack_caches.hpp"
#include "sched/stack_mover.hpp"
#include "sched/timers.hpp"
#include "sched/turn_clock.hpp"
#include "stack/data_stack.hpp"
#include "win/handle.hpp"
#include "win/system_stack.hpp"

namespace moor::detail {
class runtime_core;

/// The first of `count` ids that nobody else gets. Any thread.
[[nodiscard]] std::uint64_t reserve_coroutine_ids(std::uint64_t count) noexcept;
} // namespace moor::detail

namespace moor::sched {

using detail::runtime_core;

/// What is to happen to a coroutine after its context is saved.
enum class departure : std::uint8_t {
    park,      ///< it waits; its parker decides
    yield,     ///< behind the others
    finish,    ///< it has ended: its stack is given back, and perhaps its block
    preempted, ///< its registers are saved; it goes on on this worker
};

class worker;

/// What moor_coroutine_base calls with two arguments. Known to the assembly.
struct first_call {
    const void* function = nullptr;
    const void* arguments[2]{};
};

} // namespace moor::sched

// Called by moor_coroutine_base, the outermost frame of every coroutine (context/coroutine_base_gas.S).
extern "C" {
/// Where the first switch to a coroutine's stack goes.
void moor_coroutine_base(moor::context::transfer_t arrival);
/// The first function of every coroutine. moor_coroutine_base then makes the call that this returns: of the worker,
/// where it stays until another coroutine begins. Nobody is preempted before a preemptible scope's frame.
const moor::sched::first_call* moor_coroutine_entry(moor::context::transfer_t arrival) noexcept;
/// Called when that has returned. Returns the worker that the coroutine ended on.
moor::sched::worker* moor_coroutine_ended() noexcept;
/// The last one, to which moor_coroutine_base jumps. Does not return.
void moor_coroutine_end(moor::sched::worker* here) noexcept;
}

namespace moor::sched {

class worker final : public win::system_stack {
public:
    worker(runtime_core& runtime, unsigned index);
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    /// The calling thread's worker, null on others. Never cached across a suspension.
    [[nodiscard]] static worker* current() noexcept { return static_cast<worker*>(system_stack::current()); }

    /// The coroutine that runs on the calling thread now; null on a worker's system stack and on other threads.
    [[nodiscard]] static coroutine* current_coroutine() noexcept {
        const worker* const here = current();
        return here != nullptr ? here->running_.load(std::memory_order_relaxed) : nullptr;
    }

    void start_thread();
    void join_thread() noexcept;

    // -- On a coroutine of this worker ---------------------------------------------------------------------------

    /// Leaves the running coroutine with that fate; returns when it is resumed, perhaps on another worker.
    static void suspend(departure fate) noexcept;

    /// Lets others run; returns at once when there are none. For the running coroutine of this worker, which may be
    /// another's afterwards.
    void yield() noexcept;

    // -- Stacks --------------------------------------------------------------------------------------------------

    /// Before a call on the system stack: the kernel moves the limit of a slot.
    void note_stack_limit() noexcept;
    [[nodiscard]] win::stack_fields fields_of_running_stack() const noexcept;
    /// Whether the running coroutine has thrown something that is not caught yet.
    [[nodiscard]] bool exception_in_flight() const noexcept { return places_.exceptions.load().in_flight != 0; }
    [[nodiscard]] stack_caches& stacks() noexcept { return stacks_; }
    [[nodiscard]] stack_mover& mover() noexcept { return mover_; }
    [[nodiscard]] const stack_mover& mover() const noexcept { return mover_; }

    // -- Preemption; see worker_preempt.cpp ----------------------------------------------------------------------

    /// The monitor, while this thread is suspended: why what it runs must not be interrupted, as far as the worker
    /// knows; nothing when it may.
    [[nodiscard]] std::optional<preempt_refusal> refusal_at(std::uint64_t stack_pointer) const noexcept;
    /// The same: where the next preempted coroutine's registers go; null when there is no memory.
    [[nodiscard]] preempt::preempted_state* spare_state() const noexcept { return spare_state_.get(); }
    /// For the monitor: coroutines that were preempted and wait for this worker; and the one that was last, or null.
    [[nodiscard]] std::uint64_t preempted_waiting() const noexcept { return preempted.value() - resumed_.value(); }
    [[nodiscard]] const coroutine* preempted_last() const noexcept {
        return preempted_last_.load(std::memory_order_relaxed);
    }
    /// The coroutine that runs, or ran a moment ago: the block stays one. For the monitor.
    [[nodiscard]] coroutine* running_now() const noexcept { return running_.load(std::memory_order_relaxed); }
    [[nodiscard]] const win::unique_handle& thread() const noexcept { return thread_; }
    /// The thread itself, interrupted, on its system stack: the running coroutine is preempted.
    [[noreturn]] void depart_preempted() noexcept;

    // -- Any code on this worker's thread ------------------------------------------------------------------------

    /// Queues a coroutine that has become runnable: in the `next` slot when a coroutine woke it and the slot is
    /// free, else in the ring.
    void make_ready(coroutine& ready) noexcept;

    /// Queues a new one, and has an idle worker come for it.
    void enqueue_new(coroutine& fresh) noexcept;

    [[nodiscard]] iocp::operation_cache& operations() noexcept { return operations_; }
    [[nodiscard]] win::free_list<coroutine>& free_coroutines() noexcept { return free_coroutines_; }
    [[nodiscard]] timers& own_timers() noexcept { return timers_; }
    [[nodiscard]] runtime_core& runtime() noexcept { return runtime_; }
    [[nodiscard]] unsigned index() const noexcept { return index_; }
    [[nodiscard]] std::uint64_t new_coroutine_id() noexcept;

    // -- Any thread ----------------------------------------------------------------------------------------------

    /// Whether that memory holds this worker, what it keeps of unused stacks, or the registers of the coroutine that it
    /// resumed after a preemption, last. For the audit, which may ask from another thread: then the answer may be old.
    [[nodiscard]] bool lies_in(const std::byte* memory, std::size_t bytes) const noexcept {
        const auto is_there = [memory, bytes](const void* address) {
            const auto* const byte = static_cast<const std::byte*>(address);
            return byte >= memory && byte < memory + bytes;
        };
        return is_there(this) || is_there(spare_state_.get()) || stacks_.any_list(is_there);
    }

    /// Queues a coroutine that only this worker may run, and wakes the worker.
    void enqueue_pinned(coroutine& ready) noexcept;

    /// Whether its ring has anything that another worker could take.
    [[nodiscard]] bool has_stealable() const noexcept { return !ring_.empty(); }
    /// Whether another worker could take something over from it while it stays in one coroutine.
    [[nodiscard]] bool has_work_for_others() noexcept {
        return has_stealable() || next_.load(std::memory_order_relaxed) != nullptr || timers_.next() <= detail::now();
    }
    [[nodiscard]] const turn_clock& clock() const noexcept { return clock_; }
    /// See turn_clock::look_soon and maintain_soon.
    void look_at_clock_soon() noexcept { clock_.look_soon(); }
    void maintain_soon() noexcept { clock_.maintain_soon(); }
    [[nodiscard]] bool is_asleep() const noexcept { return asleep_.load(std::memory_order_relaxed); }
    /// By the monitor: lets thieves expire this worker's timers.
    void set_stuck(bool stuck) noexcept { stuck_.store(stuck, std::memory_order_relaxed); }
    [[nodiscard]] bool has_pinned() const noexcept { return !pinned_.empty() || !yielded_here_.empty(); }
    [[nodiscard]] std::size_t timers_running() const noexcept { return timers_.size(); }
    [[nodiscard]] std::int64_t operation_balance() const noexcept {
        return operations_.balance.load(std::memory_order_relaxed);
    }

    counter started;         // coroutines
    counter ended;           // coroutines whose body is done
    counter retired;         // coroutines that have left their stack for good
    counter stolen;          // coroutines
    counter preempted;       // times a coroutine was
    counter packets;         // of operations
    counter dependent_waits; // that have begun
    counter foreign_packets;

private:
    // Named in full: some compilers look the parameters up where the function is.
    friend const first_call* ::moor_coroutine_entry(moor::context::transfer_t) noexcept;
    friend void ::moor_coroutine_end(moor::sched::worker*) noexcept;

    /// Turns between two looks at the shared queue: a prime, so that it does not fall into step with the program.
    static constexpr std::uint32_t shared_queue_interval = 61;
    /// When so much time has passed since the last look at the port, maintenance has one.
    static constexpr std::chrono::microseconds longest_without_poll{2500};
    /// Parts of the time slice. A turn of a `long_turns`th is that of a coroutine which computes; what a
    /// `quick_rounds`th is for see worker_fairness.cpp.
    static constexpr int long_turns = 8;
    static constexpr int quick_rounds = 4;
    /// Slices after the last long turn in which those that yield still go behind all others.
    static constexpr int slices_of_caution = 4;

    static unsigned __stdcall thread_main(void* self) noexcept;
    static void touch_system_stack() noexcept;
    void run() noexcept;

    // Choosing the next coroutine.
    [[nodiscard]] coroutine* choose_next() noexcept;   // on a coroutine's stack
    [[nodiscard]] coroutine* choose_fairly() noexcept; // on the system stack
    [[nodiscard]] coroutine* pick_local() noexcept;
    [[nodiscard]] coroutine* pick() noexcept; // the same, inlined into a switch
    [[nodiscard]] coroutine* take_next() noexcept;
    [[nodiscard]] coroutine* find_work() noexcept;
    [[nodiscard]] coroutine* search_others() noexcept;
    [[nodiscard]] coroutine* steal_next_of(worker& victim) noexcept;
    void sleep_in_port() noexcept;
    [[nodiscard]] bool idle_search_allowed() noexcept;
    [[nodiscard]] bool work_in_sight() const noexcept;
    void found_work() noexcept;

    // What keeps a wait short; see worker_fairness.cpp.
    enum class port_look : std::uint8_t { when_due, always };
    [[nodiscard]] bool clock_says_maintenance(std::uint32_t turn) noexcept;
    [[nodiscard]] bool maintenance_is_due_at(std::uint32_t turn) noexcept {
        return clock_.look_is_due(turn) && clock_says_maintenance(turn);
    }
    void judge_turns(std::uint32_t turn) noexcept;
    void maintain() noexcept;
    void wake_what_is_due(steady::time_point now, port_look port) noexcept;
    void share_time(steady::time_point now) noexcept;
    void note_long_turn(steady::time_point now) noexcept {
        yields_go_last_ = true;
        long_turn_seen_ = now;
    }
    [[nodiscard]] coroutine* pick_yielded() noexcept;
    [[nodiscard]] coroutine* take_yielded() noexcept;
    void rejoin_the_others() noexcept;
    void put_yielded_back(coroutine& first) noexcept;
    [[nodiscard]] bool somebody_has_yielded() const noexcept;
    [[nodiscard]] bool somebody_is_stuck() const noexcept;
    void queue_yielded(coroutine& left) noexcept;

    // Queueing.
    /// Returns how many packets came, of at most `room`.
    std::size_t poll(DWORD timeout, std::size_t room) noexcept;
    void share_surplus() noexcept;
    /// To the end of this worker's ring; behind those in the shared queue, when there are any, since a ring that never
    /// runs empty would keep them waiting.
    void push_last(coroutine& item) noexcept {
        if (shared_.empty()) [[likely]] {
            push_ring(item);
        } else {
            push_shared(item);
        }
    }
    void push_ring(coroutine& item) noexcept {
        if (!ring_.push(item)) [[unlikely]] {
            push_full_ring(item);
        }
    }
    void push_full_ring(coroutine& item) noexcept;
    void push_shared(coroutine& item) noexcept { shared_.push(item); }
    void wake_another() noexcept;

    // Switching.
    void depart(departure fate) noexcept;
    void run_from_system_stack(coroutine& to) noexcept;
    void aim_at_preempted(coroutine& to) noexcept;
    void queue_preempted(coroutine& left) noexcept;
    static void resume_preempted(context::transfer_t arrival) noexcept;
    void set_running(coroutine* now) noexcept { running_.store(now, std::memory_order_relaxed); }
    void finish_switch(context::fcontext_t resume_at) noexcept;
    void finish_switch_inline(context::fcontext_t resume_at) noexcept; // the same, inlined into a switch

    runtime_core& runtime_;
    shared_queue& shared_; // the runtime's
    const unsigned index_;
    const bool alone_; // the runtime's only worker: there are no thieves, so taking needs no interlocked operation
    win::unique_handle thread_;

    // The worker's thread alone, except where said.
    context::thread_places places_;            // of this thread once it runs
    first_call first_call_;                    // of the coroutine that begins
    context::suspended_state system_state_;    // of the worker's system stack
    stack::data_stack system_data_;            // of covered code that runs there
    std::atomic<coroutine*> running_{nullptr}; // the monitor reads it
    coroutine* departing_ = nullptr;
    departure fate_ = departure::park;
    bool searching_ = false;
    turn_clock clock_;
    // What looks at it have found; see worker_fairness.cpp.
    bool yields_go_last_ = false;            // there are coroutines that compute, or were a moment ago
    bool yielded_first_ = false;             // it is the turn of those that yielded
    bool yielded_ran_ = false;               // one of them did since the last maintenance
    bool polled_ = false;                    // the port, and nobody has run since
    bool next_streak_broken_ = true;         // the next slot was empty at a turn since the last maintenance
    bool next_goes_last_ = false;            // the slice of those who run from it is over
    steady::time_point polled_at_{};         // the port, last
    steady::time_point long_turn_seen_{};    // last
    steady::time_point next_streak_began_{}; // turns in a row that came from the next slot
    steady::time_point woken_since_{};       // others have had the worker, while somebody who yielded waits
    steady::time_point yielded_first_since_{};
    std::uint32_t victim_seed_;
    preempt::preempted_state::owner spare_state_;
    counter resumed_; // times a preempted coroutine went on
    std::atomic<const coroutine*> preempted_last_{nullptr};
    // The stack of the few instructions that continue a preempted coroutine.
    alignas(16) std::array<std::byte, 4096> resume_stack_;
    std::uint64_t next_id_ = 0; // coroutine ids of its own range
    std::uint64_t last_id_ = 0;

    std::atomic<bool> asleep_{false};       // in the port; who queues pinned work looks here
    std::atomic<bool> stuck_{false};        // the monitor writes it
    std::atomic<coroutine*> next_{nullptr}; // the owner fills it; the owner and thieves take it by exchange
    run_queue<coroutine> ring_;
    shared_queue pinned_; // any thread pushes
    /// Preempted coroutines, and pinned ones that yielded while others compute. (Those that any worker may run are in
    /// the runtime's queue for them.)
    shared_queue yielded_here_;
    timers timers_;

    iocp::operation_cache operations_;
    win::free_list<coroutine> free_coroutines_;
    stack_caches stacks_;
    stack_mover mover_{*this};
    iocp::packet_batch batch_;
    iocp::adaptive_batch room_to_sleep_{iocp::packets_per_batch}; // for the dequeue in which it sleeps
};

} // namespace moor::sched
