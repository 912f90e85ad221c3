// Blocking and waking; see moor/detail/wait.hpp. The state word's rules are there, this is their only implementation.
#include <moor/detail/wait.hpp>

#include <optional>

#include "sched/coroutine.hpp"
#include "sched/runtime_core.hpp"
#include "sched/stack_mover.hpp"
#include "sched/stop_wait.hpp"
#include "sched/timers.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/system_calls.hpp"

namespace moor::detail {
namespace {

// Where a plain thread waits. As long-lived as the thread; all tickets to it are used under the locks of primitives in
// whose lists the thread still is.
class thread_parker final : public parker {
public:
    thread_parker() noexcept : parker(kind::thread) {}
};

MOOR_NOINLINE parker& parker_of_caller() noexcept {
    if (coroutine* const self = sched::worker::current_coroutine()) {
        return *self;
    }
    thread_local thread_parker of_thread;
    return of_thread;
}

} // namespace

// ---- parker ----------------------------------------------------------------------------------------------------

void parker::resume(parker& owner, kind which) noexcept {
    if (which == kind::coroutine) {
        auto& self = static_cast<coroutine&>(owner);
        self.runtime->make_ready(self);
    } else {
        win::system().wake_all_by_address(&owner.state_); // of the address nothing but its value is used
    }
}

void parker::interrupt() noexcept {
    // Sequentially consistent with the caller's store of its request: either this sees the wait, or the wait sees the
    // request.
    const std::uint64_t word = state_.load(std::memory_order_seq_cst);
    const std::uint64_t current = word & phase_mask;
    if ((word & interruptible) != 0 && (current == preparing || current == parked)) {
        wait_ticket(this, word & ~changing_mask).wake(wake_reason::stopped);
    }
}

bool parker::park() noexcept {
    std::uint64_t word = state_.load(std::memory_order_relaxed);
    for (;;) {
        phase next = parked;
        switch (word & phase_mask) {
        case preparing: break;
        case claimed: next = claimed_parked; break;
        default: return false; // ready
        }
        if (state_.compare_exchange_weak(word, (word & ~phase_mask) | next, std::memory_order_seq_cst)) {
            // Released: from here on the owner may run elsewhere, and only the request flag may still be looked at, in
            // a control block that is never freed.
            if (kind_ == kind::coroutine && next == parked && (word & interruptible) != 0 &&
                static_cast<coroutine*>(this)->stop_requested.load(std::memory_order_seq_cst)) {
                wait_ticket(this, word & ~changing_mask).wake(wake_reason::stopped);
            }
            return true;
        }
    }
}

// ---- wait_ticket -----------------------------------------------------------------------------------------------

claim wait_ticket::try_claim(wake_reason reason) const noexcept {
    // A parked coroutine looks at nothing until it is resumed, so it may be `ready` before the hand-over; a plain
    // thread watches the word, and a preparing owner may look at any time.
    const bool coroutine_waits = owner_->kind_ == parker::kind::coroutine;
    std::uint64_t word = generation_ | parker::parked;
    for (;;) {
        const auto current = static_cast<parker::phase>(word & parker::phase_mask);
        if ((word & ~parker::changing_mask) != generation_ ||
            (current != parker::preparing && current != parker::parked)) {
            return claim::lost;
        }
        const parker::phase next = current == parker::preparing ? parker::claimed
                                   : coroutine_waits            ? parker::ready
                                                                : parker::claimed_parked;
        if (owner_->state_.compare_exchange_weak(word, parker::with(word, next, reason), std::memory_order_acq_rel,
                                                 std::memory_order_acquire)) {
            return current == parker::preparing ? claim::preparing : claim::parked;
        }
    }
}

void wait_ticket::finish(claim how) const noexcept {
    const parker::kind which = owner_->kind_;
    if (how == claim::parked && which == parker::kind::coroutine) {
        parker::resume(*owner_, which);
        return;
    }
    std::uint64_t word = owner_->state_.load(std::memory_order_relaxed);
    while (!owner_->state_.compare_exchange_weak(word, (word & ~parker::phase_mask) | parker::ready,
                                                 std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    if ((word & parker::phase_mask) == parker::claimed_parked) {
        parker::resume(*owner_, which);
    }
}

bool wait_ticket::wake(wake_reason reason) const noexcept {
    const parker::kind which = owner_->kind_;
    std::uint64_t word = generation_ | parker::parked;
    for (;;) {
        const auto current = static_cast<parker::phase>(word & parker::phase_mask);
        if ((word & ~parker::changing_mask) != generation_ ||
            (current != parker::preparing && current != parker::parked)) {
            return false;
        }
        if (owner_->state_.compare_exchange_weak(word, parker::with(word, parker::ready, reason),
                                                 std::memory_order_acq_rel, std::memory_order_acquire)) {
            if (current == parker::parked) {
                parker::resume(*owner_, which);
            }
            return true;
        }
    }
}

// ---- wait ------------------------------------------------------------------------------------------------------

parker& wait::begin(const char* what, stop_request stopping, stack_use stack) noexcept {
    if (stack == stack_use::prepares) {
        sched::prepare_stack(sched::room_to_wait);
    }
    parker& owner = parker_of_caller();
    std::uint64_t word =
        (owner.state_.load(std::memory_order_relaxed) & ~(parker::generation_step - 1)) + parker::generation_step;
    if (owner.kind_ == parker::kind::coroutine) {
        auto& self = static_cast<coroutine&>(owner);
        self.waiting_for.store(what, std::memory_order_relaxed);
        if (stopping == stop_request::ends_wait && self.interruptible_now()) {
            word |= parker::interruptible;
        }
    }
    owner.state_.store(word | parker::preparing, std::memory_order_release);
    return owner;
}

wait::~wait() {
    if (owner_.kind_ == parker::kind::coroutine) {
        static_cast<coroutine&>(owner_).waiting_for.store(nullptr, std::memory_order_relaxed);
    }
    // Late claimers find another phase, or later another generation. Nobody else writes a word that is not preparing or
    // parked, except the claimer that won, and that one has finished before suspend() returned.
    owner_.state_.store(generation_ & ~parker::interruptible, std::memory_order_release);
}

wake_reason wait::suspend() noexcept { return parker::reason_of(suspend_to_the_end()); }

MOOR_ALWAYS_INLINE std::uint64_t wait::suspend_to_the_end() noexcept {
    const bool is_coroutine = owner_.kind_ == parker::kind::coroutine;
    if (is_coroutine && (generation_ & parker::interruptible) != 0 &&
        static_cast<coroutine&>(owner_).stop_requested.load(std::memory_order_relaxed)) {
        ticket().wake(wake_reason::stopped);
    }
    if (limit_.has_deadline() || limit_.token().stop_possible()) {
        suspend_limited();
    } else {
        block(wait_limit::time_point::max());
    }
    return owner_.state_.load(std::memory_order_acquire);
}

wake_reason wait::suspend(const dependence& on) noexcept {
    if (owner_.kind_ == parker::kind::thread || limit_.has_deadline() || limit_.token().stop_possible()) {
        return suspend(); // it ends in any case, or is no coroutine's
    }
    auto& self = static_cast<coroutine&>(owner_);
    self.waits_on.begin(on);
    // After it is visible: whoever has seen this count sees the wait.
    sched::worker::current()->dependent_waits.add_release(1);
    const std::uint64_t word = suspend_to_the_end();
    self.waits_on.end((word & parker::observed) != 0);
    return parker::reason_of(word);
}

// The two other parties that may end the wait are told of it here, and are done with it when this returns.
MOOR_NOINLINE void wait::suspend_limited() noexcept {
    std::optional<sched::stop_wait> on_stop;
    const bool by_coroutine = owner_.kind_ == parker::kind::coroutine;
    const auto set_woken_from_outside = [&](bool woken) {
        if (on_stop && by_coroutine) {
            static_cast<coroutine&>(owner_).woken_from_outside.store(woken, std::memory_order_relaxed);
        }
    };
    if (limit_.token().stop_possible()) {
        on_stop.emplace(limit_.token(), ticket());
        set_woken_from_outside(true); // any thread may have a source
    }
    if (!limit_.has_deadline()) {
        block(wait_limit::time_point::max());
    } else if (limit_.deadline() <= detail::now()) {
        ticket().wake(wake_reason::timed_out);
        block(wait_limit::time_point::max()); // until a hand-over that came first is finished
    } else if (owner_.kind_ == parker::kind::thread) {
        block(limit_.deadline());
    } else {
        sched::sleeper sleeper(ticket());
        sched::worker::current()->own_timers().start(sleeper, limit_.deadline());
        block(wait_limit::time_point::max());
        sched::timers::cancel(sleeper);
    }
    set_woken_from_outside(false);
}

void wait::block(wait_limit::time_point deadline) noexcept {
    const auto is_ready = [](std::uint64_t word) { return (word & parker::phase_mask) == parker::ready; };
    if (is_ready(owner_.state_.load(std::memory_order_acquire))) {
        return;
    }
    if (owner_.kind_ == parker::kind::coroutine) {
        sched::worker::suspend(sched::departure::park);
        return;
    }
    if (!owner_.park()) {
        return;
    }
    for (;;) {
        std::uint64_t word = owner_.state_.load(std::memory_order_acquire);
        if (is_ready(word)) {
            return;
        }
        DWORD timeout = INFINITE;
        if (deadline != wait_limit::time_point::max()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - detail::now()).count();
            if (left <= 0) {
                ticket().wake(wake_reason::timed_out);
                deadline = wait_limit::time_point::max(); // only a hand-over in progress is left to wait for
                continue;
            }
            timeout = static_cast<DWORD>(std::min<std::int64_t>(left, 60'000));
        }
        win::system().wait_on_address(&owner_.state_, &word, sizeof word, timeout);
    }
}

std::errc to_errc(wake_reason reason) noexcept {
    switch (reason) {
    case wake_reason::timed_out: return std::errc::timed_out;
    case wake_reason::stopped: return std::errc::operation_canceled;
    case wake_reason::notified: break;
    }
    return std::errc{};
}

} // namespace moor::detail
