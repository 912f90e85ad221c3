// The monitor's side of preemption: suspends a worker's thread, judges where it is, and has it go on in the trampoline.
// Keeps law 4, and "never suspend a thread and then take a lock that it may hold": while a thread is suspended nothing
// here allocates, formats, or calls anything but the system's functions for its registers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include <moor/preempt.hpp>

#include "preempt/preempted_state.hpp"
#include "preempt/safe_point.hpp"
#include "win/windows.hpp"

namespace moor::preempt {

class target;
struct thread_calls;

/// The monitor's own; one thread uses it, and others read the counts.
class async_preemption {
public:
    explicit async_preemption(bool verify);

    /// Whether the linker left the image's table of functions sorted, as the format demands.
    [[nodiscard]] bool table_is_sorted() const noexcept { return safe_point_.image().was_sorted(); }

    /// Has the worker's running coroutine go to its worker's scheduler. Nothing when it does, else why not. The thread
    /// is never left suspended.
    std::optional<preempt_refusal> attempt(const target& interrupted) noexcept;

    /// Attempts that were refused, by reason. Any thread.
    [[nodiscard]] std::array<std::uint64_t, preempt_refusals> refusals() const noexcept;

private:
    [[nodiscard]] std::optional<preempt_refusal> inject(const target& interrupted) noexcept;
    [[nodiscard]] std::optional<preempt_refusal> inject_suspended(const thread_calls& system,
                                                                  const target& interrupted) noexcept;
    [[nodiscard]] std::optional<preempt_refusal> judge(const target& interrupted) const noexcept;
    void keep(const target& interrupted, preempted_state& state) const noexcept;

    const safe_point safe_point_;
    const bool verify_;
    const std::uint64_t arrival_; // the trampoline
    CONTEXT registers_{};
    std::array<std::atomic<std::uint64_t>, preempt_refusals> refusals_{};
};

} // namespace moor::preempt
