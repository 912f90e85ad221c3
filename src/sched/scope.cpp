// Preemptible scopes and what forbids preemption within them; see moor/preempt.hpp. All of these run on the coroutine's
// stack, within its headroom.
#include <moor/preempt.hpp>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "win/compiler.hpp"

namespace moor {
namespace {

// Null when the caller is not on a coroutine's stack: there is nothing to preempt.
detail::coroutine* running_coroutine() noexcept {
    sched::worker* const here = sched::worker::current();
    return here != nullptr && here->on_coroutine_stack() ? sched::worker::current_coroutine() : nullptr;
}

// Only the coroutine itself changes it: no read-modify-write is needed.
void change(std::atomic<std::uint32_t>& count, std::uint32_t by) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

constexpr std::uint32_t one_less = ~std::uint32_t{0};

} // namespace

namespace detail {

void enter_preemptible() noexcept {
    if (coroutine* const self = running_coroutine()) {
        change(self->preemptible_scopes, 1);
    }
}

void leave_preemptible() noexcept {
    if (coroutine* const self = running_coroutine()) {
        change(self->preemptible_scopes, one_less);
    }
}

void forbid_preemption() noexcept {
    if (coroutine* const self = running_coroutine()) {
        change(self->preemption_bans, 1);
    }
}

void allow_preemption() noexcept {
    coroutine* const self = running_coroutine();
    if (self == nullptr) {
        return;
    }
    change(self->preemption_bans, one_less);
    if (self->yield_wanted.load(std::memory_order_relaxed) && self->preemption_bans.load() == 0 &&
        !sched::worker::current()->exception_in_flight()) {
        sched::worker::current()->yield();
    }
}

} // namespace detail

bool maybe_yield() noexcept {
    const detail::coroutine* const self = running_coroutine();
    if (self == nullptr || !self->yield_wanted.load(std::memory_order_relaxed)) {
        return false;
    }
    sched::worker::current()->yield();
    return true;
}

} // namespace moor
