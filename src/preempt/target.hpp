// What preemption has to know of the worker that it interrupts. The scheduler answers (sched/monitor.cpp), so that this
// layer does not know it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <moor/preempt.hpp>

#include "win/handle.hpp"

namespace moor::preempt {

struct preempted_state;

/// A worker, for one attempt. All but thread() is asked while that thread is suspended: an answer takes no lock and
/// allocates nothing.
class target {
public:
    [[nodiscard]] virtual const win::unique_handle& thread() const noexcept = 0;

    /// Why the scheduler does not want its running coroutine preempted now, if it does not.
    [[nodiscard]] virtual std::optional<preempt_refusal> refusal_at(std::uint64_t stack_pointer) const noexcept = 0;

    /// The end of the running coroutine's stack. Only after refusal_at() has found nothing.
    [[nodiscard]] virtual const std::byte* stack_top() const noexcept = 0;

    /// What the coroutine will keep its registers in. Only after refusal_at() has found nothing.
    [[nodiscard]] virtual preempted_state& spare_state() const noexcept = 0;

    /// Below here the worker's system stack is free.
    [[nodiscard]] virtual const void* system_stack() const noexcept = 0;

protected:
    target() noexcept = default;
    target(const target&) = default;
    target& operator=(const target&) = default;
    ~target() = default;
};

} // namespace moor::preempt
