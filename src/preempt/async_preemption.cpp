// Suspend, judge, divert, resume (law 4): the record for the registers is there before the thread is suspended, and
// until it is resumed nothing is allocated.
#include "preempt/async_preemption.hpp"

#include "preempt/suspension.hpp"
#include "preempt/target.hpp"
#include "unwind/function_address.hpp"

namespace moor::preempt {
namespace {

constexpr std::uint32_t trap_flag = 0x100; // of the processor's flags

// What the system says of the thread itself, in ContextFlags (winnt.h; "Context flags", Microsoft Learn).
constexpr std::uint32_t asks_for_activity = 0x4000'0000;
constexpr std::uint32_t exception_active = 0x0800'0000;
constexpr std::uint32_t service_active = 0x1000'0000;

} // namespace

async_preemption::async_preemption(bool verify)
    : verify_(verify), arrival_(unwind::without_jump(reinterpret_cast<const void*>(&moor_preempt_arrival))) {}

std::optional<preempt_refusal> async_preemption::attempt(const target& interrupted) noexcept {
    const auto refused = inject(interrupted);
    if (refused) {
        auto& count = refusals_[static_cast<std::size_t>(*refused)];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    return refused;
}

std::array<std::uint64_t, preempt_refusals> async_preemption::refusals() const noexcept {
    std::array<std::uint64_t, preempt_refusals> seen{};
    for (std::size_t reason = 0; reason != seen.size(); ++reason) {
        seen[reason] = refusals_[reason].load(std::memory_order_relaxed);
    }
    return seen;
}

std::optional<preempt_refusal> async_preemption::inject(const target& interrupted) noexcept {
    const suspension_right right;
    if (!right) {
        return preempt_refusal::system_refuses;
    }
    const thread_calls& system = *current_thread_calls.load(std::memory_order_relaxed);
    const suspended_thread suspended(system, interrupted.thread().get());
    if (!suspended) {
        return preempt_refusal::system_refuses;
    }
    return inject_suspended(system, interrupted);
}

std::optional<preempt_refusal> async_preemption::inject_suspended(const thread_calls& system,
                                                                  const target& interrupted) noexcept {
    registers_.ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER | asks_for_activity;
    const HANDLE thread = interrupted.thread().get();
    if (system.get_context(thread, &registers_) == FALSE) {
        return preempt_refusal::system_refuses;
    }
    if (const auto refused = judge(interrupted)) {
        return refused;
    }
    preempted_state& state = interrupted.spare_state();
    keep(interrupted, state);
    // The system may refuse a stack pointer outside the limits that the TEB says (it does where control-flow guard is
    // on), and those are the coroutine's: the trampoline loads it, and all else that is not as it was.
    registers_.ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER;
    registers_.Rip = arrival_;
    registers_.Rbx = reinterpret_cast<std::uint64_t>(&state);
    return system.set_context(thread, &registers_) != FALSE ? std::optional<preempt_refusal>()
                                                            : preempt_refusal::system_refuses;
}

std::optional<preempt_refusal> async_preemption::judge(const target& interrupted) const noexcept {
    if ((registers_.ContextFlags & (exception_active | service_active)) != 0) {
        return preempt_refusal::system_active;
    }
    if ((registers_.EFlags & trap_flag) != 0) {
        return preempt_refusal::being_stepped;
    }
    if (registers_.Rip == arrival_) {
        return preempt_refusal::in_runtime; // sent there already; only its stack pointer still says otherwise
    }
    if (const auto refused = interrupted.refusal_at(registers_.Rsp)) {
        return refused;
    }
    return safe_point_.refusal(registers_, reinterpret_cast<std::uint64_t>(interrupted.stack_top()));
}

void async_preemption::keep(const target& interrupted, preempted_state& state) const noexcept {
    // A few bytes below where the system stack was left lies nothing that is used.
    constexpr std::uint64_t kept_free = 64;
    constexpr std::uint64_t home_space = 32;
    state.system_stack =
        (reinterpret_cast<std::uint64_t>(interrupted.system_stack()) - kept_free) / 16 * 16 - home_space;
    state.instruction = registers_.Rip;
    state.code_segment = registers_.SegCs;
    state.flags = registers_.EFlags;
    state.stack_pointer = registers_.Rsp;
    state.stack_segment = registers_.SegSs;
    state.rax = registers_.Rax;
    state.rcx = registers_.Rcx;
    state.rdx = registers_.Rdx;
    state.rbx = registers_.Rbx;
    state.rbp = registers_.Rbp;
    state.rsi = registers_.Rsi;
    state.rdi = registers_.Rdi;
    state.r8 = registers_.R8;
    state.r9 = registers_.R9;
    state.r10 = registers_.R10;
    state.r11 = registers_.R11;
    state.r12 = registers_.R12;
    state.r13 = registers_.R13;
    state.r14 = registers_.R14;
    state.r15 = registers_.R15;
    if (verify_) {
        sum_up(state, interrupted.stack_top());
    }
}

} // namespace moor::preempt
