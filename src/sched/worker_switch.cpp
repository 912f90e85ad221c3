// One turn: choosing the next coroutine, leaving one stack and arriving on another. This is the part of the worker that
// runs on coroutines' stacks: every function here keeps its frame small, and none uses a thread-specific value from
// before a switch after it.
#include <algorithm>
#include <utility>

#include <moor/preempt.hpp>

#include "sched/coroutine_life.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"

namespace moor::sched {

// ---- Choosing ------------------------------------------------------------------------------------------------------

// For a coroutine that suspends: null sends it to the worker's system stack.
MOOR_ALWAYS_INLINE coroutine* worker::choose_next() noexcept {
    if (maintenance_is_due_at(clock_.turns())) [[unlikely]] {
        return nullptr;
    }
    return pick();
}

coroutine* worker::pick_local() noexcept { return pick(); }

MOOR_ALWAYS_INLINE coroutine* worker::pick() noexcept {
    const std::uint32_t turn = clock_.next();
    if (turn % shared_queue_interval == 0) [[unlikely]] {
        if (coroutine* const shared = shared_.pop()) {
            return shared;
        }
    }
    if ((turn & 1) != 0) { // every other turn, so that neither they nor the ring starve
        if (coroutine* const pinned = pinned_.pop()) {
            return pinned;
        }
    }
    if (coroutine* const next = take_next()) {
        return next;
    }
    next_streak_broken_ = true;
    if (coroutine* const queued = alone_ ? ring_.pop_unshared() : ring_.pop()) {
        return queued;
    }
    if (coroutine* const shared = shared_.pop()) { // before the pinned ones, which have every other turn
        return shared;
    }
    return pinned_.pop();
}

// Coroutines that wake one another through the next slot share one time slice; when it is over the rest of the ring has
// a turn.
MOOR_ALWAYS_INLINE coroutine* worker::take_next() noexcept {
    if (next_.load(std::memory_order_relaxed) == nullptr) {
        return nullptr;
    }
    coroutine* next = nullptr;
    if (alone_) {
        next = next_.load(std::memory_order_relaxed);
        next_.store(nullptr, std::memory_order_relaxed);
    } else {
        next = next_.exchange(nullptr, std::memory_order_acq_rel);
    }
    if (next != nullptr && next_goes_last_) [[unlikely]] {
        next_goes_last_ = false;
        next_streak_broken_ = true;
        if (!ring_.empty() || !shared_.empty() || !pinned_.empty()) {
            push_last(*next);
            return nullptr;
        }
    }
    return next;
}

// ---- Switching -----------------------------------------------------------------------------------------------------

void worker::suspend(departure fate) noexcept { current()->depart(fate); }

void worker::yield() noexcept {
    coroutine& self = *running_now();
    if (self.yield_wanted.load(std::memory_order_relaxed)) [[unlikely]] {
        self.yield_wanted.store(false, std::memory_order_relaxed);
        look_at_clock_soon(); // it has had the worker for long
    }
    if (self.movement.movable && on_coroutine_stack()) {
        mover_.prepare(self, room_to_wait);
    }
    if (ring_.empty() && next_.load(std::memory_order_relaxed) == nullptr && pinned_.empty() && shared_.empty() &&
        !yields_go_last_) {
        // Nobody else is there, but timers and the port must have their turn in a loop that only yields.
        if (!maintenance_is_due_at(clock_.next())) {
            return;
        }
    }
    depart(departure::yield);
}

// Not inlined: after the switch the caller may be on another thread, where nothing computed before it holds.
MOOR_NOINLINE void worker::depart(departure fate) noexcept {
    if (!on_coroutine_stack()) [[unlikely]] {
        win::fatal(
            "a coroutine was about to suspend inside on_system_stack, inside start or finish of an overlapped call, or "
            "where it was called by a function without stack checks: others cannot run meanwhile");
    }
    if (in_section()) [[unlikely]] {
        win::fatal("a coroutine was about to suspend with a lock of the runtime");
    }
    begin_switch();
    coroutine& self = *running_;
    context::keep_errors(places_, self.state);
    if (self.yield_wanted.load(std::memory_order_relaxed)) {
        self.yield_wanted.store(false, std::memory_order_relaxed);
    }
    coroutine* const to = choose_next();
    departing_ = &self;
    fate_ = fate;
    set_running(to);
    if (to == nullptr) {
        return_to_system_stack();
    }
    const context::fcontext_t left = context::switch_stacks(
        places_, self.state, to != nullptr ? to->state : system_state_, to != nullptr ? &to->data : &system_data_);
    worker& arrived = *current();
    arrived.finish_switch_inline(left); // may make system calls
    context::restore_errors(arrived.places_, self.state);
    arrived.end_switch();
}

void worker::run_from_system_stack(coroutine& to) noexcept {
    departing_ = nullptr;
    polled_ = false;
    begin_switch();
    set_running(&to);
    if (to.preempted != nullptr) [[unlikely]] {
        aim_at_preempted(to);
    }
    leave_system_stack();
    const context::fcontext_t left = context::switch_stacks(places_, system_state_, to.state, &to.data);
    restore_stack_limit();
    finish_switch(left);
}

void worker::finish_switch(context::fcontext_t resume_at) noexcept { finish_switch_inline(resume_at); }

MOOR_ALWAYS_INLINE void worker::finish_switch_inline(context::fcontext_t resume_at) noexcept {
    if (departing_ == nullptr) { // the worker's system stack was left
        system_state_.resume_at = resume_at;
        left_at_ = resume_at;
        return;
    }
    coroutine& left = *departing_;
    departing_ = nullptr;
    left.state.resume_at = resume_at;
    if (runtime_.options.debug.audit) [[unlikely]] {
        runtime_.reports->left_at(resume_at);
    }
    const departure fate = fate_;
    if (fate == departure::yield) { // before the others: there is least to do
        if (left.pinned_worker >= 0 || yields_go_last_) [[unlikely]] {
            queue_yielded(left);
        } else {
            push_last(left);
        }
        return;
    }
    switch (fate) {
    case departure::park:
        if (!left.park()) {
            runtime_.make_ready(left); // woken while it was on its way
        }
        return;
    case departure::yield: return; // see above
    case departure::preempted: queue_preempted(left); return;
    case departure::finish:
        check_end(left);
        stacks_.give(std::exchange(left.stack, {}));
        stacks_.give_all_of(left.data);
        retired.add(1);
        detail::retire(left);
        runtime_.notice_progress();
        return;
    }
}

} // namespace moor::sched

const moor::sched::first_call* moor_coroutine_entry(moor::context::transfer_t arrival) noexcept {
    using namespace moor;
    using sched::worker;
    detail::coroutine& self = *worker::current_coroutine();
    worker& here = *worker::current();
    here.fields_of_running_stack().store(); // make_context knows neither the true top nor how much is committed
    if (here.runtime_.options.debug.audit) [[unlikely]] {
        here.runtime_.reports->left_at(
            self.state.resume_at); // where it began, which switching to it has left behind as well
    }
    here.finish_switch(arrival.fctx);
    context::restore_errors(here.places_, self.state);
    here.end_switch();
    const void* const body = reinterpret_cast<const void*>(self.work->run());
    if (self.preemptible) {
        self.preemptible_scopes.store(1, std::memory_order_relaxed);
        here.first_call_ = {reinterpret_cast<const void*>(&moor_run_preemptible), {body, self.work}};
    } else {
        here.first_call_ = {body, {self.work, nullptr}};
    }
    return &here.first_call_;
}

moor::sched::worker* moor_coroutine_ended() noexcept {
    using namespace moor;
    using sched::worker;
    detail::coroutine& self = *worker::current()->running_now();
    self.preemptible_scopes.store(0, std::memory_order_relaxed);
    detail::end_body(self);
    self.stack.limit = reinterpret_cast<std::byte*>(win::teb::read(win::teb::field::stack_limit));
    return worker::current();
}

// A call in the last place, which compilers make a jump.
void moor_coroutine_end(moor::sched::worker* here) noexcept { here->depart(moor::sched::departure::finish); }
