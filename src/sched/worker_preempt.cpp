// A worker's side of preemption: what may be interrupted, how an interrupted coroutine leaves, and how it goes on.
// Keeps laws 4 and 5: it goes on on the same worker, and nothing is written to its stack before.
#include <utility>

#include "sched/coroutine.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"

namespace moor::sched {

std::optional<preempt_refusal> worker::refusal_at(std::uint64_t stack_pointer) const noexcept {
    const coroutine* const running = running_now();
    if (running == nullptr || !on_coroutine_stack() || in_section()) {
        return preempt_refusal::in_runtime;
    }
    if (running->preemptible_scopes.load(std::memory_order_relaxed) == 0) {
        return preempt_refusal::no_scope;
    }
    if (running->preemption_bans.load(std::memory_order_relaxed) != 0) {
        return preempt_refusal::forbidden;
    }
    // Also while it is about to go on after a preemption: moor_preempt_resume runs elsewhere.
    const auto lowest = reinterpret_cast<std::uint64_t>(running->stack.lowest);
    if (stack_pointer - lowest >= running->stack.size || stack_pointer % sizeof(std::uint64_t) != 0) {
        return preempt_refusal::other_stack;
    }
    if (exception_in_flight()) {
        return preempt_refusal::exception_in_flight;
    }
    if (spare_state_ == nullptr) {
        return preempt_refusal::no_memory;
    }
    return {};
}

void worker::queue_preempted(coroutine& left) noexcept {
    preempted_last_.store(&left, std::memory_order_relaxed);
    preempted.add(1);
    spare_state_ = preempt::preempted_state::make();
    left.cpu_bound = true;
    note_long_turn(detail::now());
    yielded_here_.push(left);
}

// All of the coroutine's state is taken before anything of the runtime or the system runs. The system stack goes on
// where it was left; what lies below that, this function's frame included, is forgotten.
void worker::depart_preempted() noexcept {
    begin_switch();
    coroutine& self = *running_;
    context::keep_errors(places_, self.state);
    note_stack_limit();
    self.preempted = std::move(spare_state_);
    if (runtime_.options.debug.preempt_verify) {
        preempt::check_stack(*self.preempted, self.stack.top());
    }
    departing_ = &self;
    fate_ = departure::preempted;
    set_running(nullptr);
    return_to_system_stack();
    context::switch_stacks(places_, self.state, system_state_, &system_data_);
    win::fatal("a preempted coroutine was resumed where it was interrupted");
}

// The switch to a preempted coroutine goes through a stack of its own, from which its registers are loaded.
void worker::aim_at_preempted(coroutine& to) noexcept {
    spare_state_.reset(); // here, where there is room for it: it gets the coroutine's
    to.state.resume_at =
        context::make_context(resume_stack_.data() + resume_stack_.size(), resume_stack_.size(), &resume_preempted);
}

void worker::resume_preempted(context::transfer_t arrival) noexcept {
    worker& here = *current();
    coroutine& self = *here.running_;
    here.finish_switch(arrival.fctx);
    here.fields_of_running_stack().store();
    // The thread's again as soon as it runs on the coroutine's stack, which is when the monitor may use it.
    here.spare_state_ = std::move(self.preempted);
    if (here.runtime_.options.debug.preempt_verify) {
        preempt::check_registers(*here.spare_state_);
    }
    context::restore_errors(here.places_, self.state);
    here.resumed_.add(1);
    here.end_switch();
    moor_preempt_resume(here.spare_state_.get());
}

} // namespace moor::sched

void moor_preempted(moor::preempt::preempted_state*) noexcept { moor::sched::worker::current()->depart_preempted(); }
