// Leaving one stack and arriving on another: the part of the worker that runs on coroutines' stacks. Every function here keeps
// its frame small, and none reads a thread-specific value across a switch.
#include "sched/coroutine_life.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"

namespace moor::sched {

void worker::suspend(departure fate) noexcept {
    worker& here = *current();
    coroutine& self = *here.running_;
    here.departing_ = &self;
    here.fate_ = fate;
    switch_from(here, self, here.choose_next());
}

void worker::yield() noexcept {
    worker& here = *current();
    if (!here.ring_.empty() || here.next_.load(std::memory_order_relaxed) != nullptr || !here.pinned_.empty() ||
        !here.runtime_.shared.empty()) {
        suspend(departure::yield);
        return;
    }
    // Nobody else is there, but timers and the port must have their turn in a loop that only yields.
    const std::uint32_t turn = here.turn_.load(std::memory_order_relaxed) + 1;
    here.turn_.store(turn, std::memory_order_relaxed);
    if (turn % clock_interval == 0 && here.maintenance_is_due()) {
        suspend(departure::yield);
    }
}

// Not inlined: after the switch the caller may be on another thread, and nothing computed before it may be reused.
MOOR_NOINLINE void worker::switch_from(worker& here, coroutine& from, coroutine* to) noexcept {
    context::transfer_t arrival{};
    here.running_ = to;
    if (to != nullptr) {
        arrival = context::switch_stacks(*here.places_, from.state, to->state, nullptr);
    } else {
        here.stack_fields_.enter_own_stack();
        arrival = context::switch_stacks(*here.places_, from.state, here.own_state_, nullptr);
    }
    current()->settle_departure(arrival);
}

void worker::run_from_own_stack(coroutine& to) noexcept {
    departing_ = nullptr;
    running_ = &to;
    stack_fields_.enter_coroutine_stack();
    const context::transfer_t arrival = context::switch_stacks(*places_, own_state_, to.state, nullptr);
    settle_departure(arrival);
}

void worker::settle_departure(context::transfer_t arrival) noexcept {
    if (departing_ == nullptr) { // the worker's own stack was left
        own_state_.resume_at = arrival.fctx;
        return;
    }
    coroutine& left = *departing_;
    departing_ = nullptr;
    left.state.resume_at = arrival.fctx;
    switch (fate_) {
    case departure::park:
        if (!left.park()) {
            runtime_.make_ready(left); // woken while it was on its way
        }
        return;
    case departure::yield:
        if (left.pinned_worker >= 0) {
            pinned_.push(left);
        } else {
            push_ring(left);
        }
        return;
    case departure::finish:
        stacks_.give(left.stack);
        left.stack = {};
        finished.add(1);
        detail::settle_finished(left);
        runtime_.notice_progress();
        return;
    }
}

void coroutine_entry(context::transfer_t arrival) noexcept {
    coroutine& self = *worker::current_coroutine();
    // make_context could only say where the stack ends, not how much of it is committed.
    win::teb::write(win::teb::field::stack_limit, reinterpret_cast<std::uint64_t>(self.stack.limit));
    worker::current()->settle_departure(arrival);
    detail::run_body(self);
    self.stack.limit = reinterpret_cast<std::byte*>(win::teb::read(win::teb::field::stack_limit));
    worker::suspend(departure::finish);
    win::fatal("a finished coroutine was resumed");
}

} // namespace moor::sched
