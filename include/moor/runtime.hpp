// The runtime: its workers, its completion port, and the life of everything that belongs to them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <moor/debug.hpp>
#include <moor/preempt.hpp>
#include <moor/spawn.hpp>

namespace moor {

/// What happens when every coroutine is blocked and nothing is left that can wake one: nothing inside the runtime, and
/// no other thread of the process. (While other threads live, the list is printed once, after ten seconds, and the
/// process continues; see docs/scheduling.md.) Also when coroutines wait for each other in a circle that nothing ends,
/// whatever else runs: then the list is of those.
enum class deadlock_action : std::uint8_t {
    end_process, ///< print the list of blocked coroutines and end the process with exit status 3
    report,      ///< print the list and continue to wait
};

/// How to build a runtime. All members have working defaults.
struct runtime_options {
    /// Worker threads; 0 takes one per processor that the process may run on.
    unsigned workers = 0;
    /// How long one coroutine may keep a worker before it is preempted or asked to yield, and how long coroutines that
    /// wake one another may before the rest of the worker's queue has a turn. One over a day is taken for a day.
    std::chrono::microseconds time_slice = std::chrono::milliseconds(10);
    /// Whether coroutines are preempted in their preemptible scopes (see moor/preempt.hpp).
    bool preemption = true;
    /// Bytes of address space for a coroutine's stack unless spawn_options says otherwise; rounded as there.
    std::size_t stack_size = std::size_t{256} * 1024;
    /// Finished stacks of the default size that each worker keeps for its next coroutines, with up to 64 KiB of memory
    /// each on average.
    std::size_t cached_stacks = 256;
    /// Bytes of memory of other finished stacks, of either kind, that the runtime keeps for reuse; what is beyond that
    /// goes back to the system.
    std::size_t kept_stack_memory = std::size_t{64} * 1024 * 1024;
    /// Bytes of the first segment of a movable stack, and what it never shrinks below; rounded up to a power of two
    /// from 1 KiB to 64 KiB.
    std::size_t movable_stack_size = std::size_t{2} * 1024;
    /// Bytes that a movable stack can grow to, rounded up to a power of two up to 1 GiB. Beyond 64 KiB it takes this
    /// much address space, and memory as it is used. Overrunning it ends the process with a message.
    std::size_t largest_movable_stack = std::size_t{64} * 1024 * 1024;
    /// For finding bugs; the environment variable MOOR_DEBUG adds to them.
    debug_switches debug{};
    /// What happens when every coroutine waits and nothing can wake one any more.
    deadlock_action on_deadlock = deadlock_action::end_process;
};

/// Counters of a runtime, each exact when the runtime is quiet and close to it otherwise.
struct runtime_metrics {
    std::uint64_t coroutines_started = 0;   ///< since the runtime began
    std::uint64_t coroutines_alive = 0;     ///< started and not yet ended
    std::uint64_t operations_in_use = 0;    ///< overlapped operations outside their pool
    std::uint64_t operations_allocated = 0; ///< operations that the pool has memory for
    std::uint64_t handles_open = 0;         ///< sockets, listeners and overlapped handles that are not closed yet
    std::uint64_t packets_dequeued = 0;     ///< completion packets of operations
    std::uint64_t packets_foreign = 0;   ///< packets on the port that no operation of this runtime asked for; ignored
    std::uint64_t wakeups_posted = 0;    ///< packets posted to wake a sleeping worker
    std::uint64_t coroutines_stolen = 0; ///< taken by a worker from another one's ring
    std::uint64_t stacks_committed = 0;  ///< reserved stacks with memory, in use or cached
    std::uint64_t stack_copies = 0;      ///< moves of movable stacks
    std::uint64_t preemptions = 0;       ///< times a coroutine was interrupted
    /// Attempts that were put off, by reason.
    std::array<std::uint64_t, preempt_refusals> preemptions_refused{};
    std::uint64_t frames_checked = 0;  ///< frames walked by the debugging switch check_frames
    std::uint64_t frame_crossings = 0; ///< frame pointers among them that lead from one stack to another
    std::uint64_t audit_findings =
        0; ///< by the switch audit: words, not on stacks, that pointed into a place a stack had left
};

/// Owns worker threads and a completion port. Coroutines run from its construction to its shutdown.
///
/// Every join_handle of its coroutines must be gone before the runtime is. What they opened (sockets, listeners,
/// overlapped handles) is closed by shutdown at the latest: an object that outlives the runtime is a closed one, whose
/// calls report operation_canceled. Several runtimes may exist one after another and at the same time. All members:
/// from plain threads only, except spawn, metrics and workers, which any thread or coroutine may call.
class runtime {
public:
    /// Starts the workers. Throws std::system_error when the system refuses threads, the port or Winsock, and
    /// invalid_argument for options out of range or a debug switch that does not exist.
    explicit runtime(const runtime_options& options = {});

    /// Calls shutdown().
    ~runtime();

    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// Runs `function(arguments...)` on a coroutine and blocks the calling thread until it has ended; returns its
    /// result or throws its exception. Coroutines that it spawned and did not join run on until shutdown().
    template <class Function, class... Arguments>
    decltype(auto) run(Function&& function, Arguments&&... arguments) {
        return spawn({.name = "main"}, std::forward<Function>(function), std::forward<Arguments>(arguments)...).join();
    }

    /// moor::spawn for callers outside the runtime. Any thread. After shutdown() it throws operation_not_permitted.
    template <class Function, class... Arguments>
        requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
    auto spawn(const spawn_options& options, Function&& function, Arguments&&... arguments) {
        return detail::launch(
            core_.get(), options,
            detail::bind_invocation(std::forward<Function>(function), std::forward<Arguments>(arguments)...));
    }

    template <class Function, class... Arguments>
        requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
    auto spawn(Function&& function, Arguments&&... arguments) {
        return spawn(spawn_options{}, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    }

    /// Asks every coroutine to stop, waits until all have ended, closes what they opened and left open, waits
    /// until all operations are back in their pool, and ends the workers. A second call does nothing. An operation that
    /// the system does not complete within ten seconds ends the process with a message.
    void shutdown() noexcept;

    /// The number of worker threads. Any thread or coroutine.
    [[nodiscard]] unsigned workers() const noexcept;
    /// The counters at this moment. Any thread or coroutine; never suspends.
    [[nodiscard]] runtime_metrics metrics() const noexcept;

private:
    friend class work_guard;

    struct destroy_core {
        void operator()(detail::runtime_core* core) const noexcept;
    };
    std::unique_ptr<detail::runtime_core, destroy_core> core_;
};

/// Says that something outside the runtime (a plain thread, a signal handler) may yet wake a coroutine. While one
/// lives, blocked coroutines are neither taken for a deadlock nor reported as a possible one. Any thread; must not
/// outlive the runtime.
class [[nodiscard]] work_guard {
public:
    /// For `owner`'s coroutines.
    explicit work_guard(runtime& owner) noexcept;
    /// For the runtime of the calling coroutine; outside a coroutine it does nothing.
    work_guard() noexcept;
    ~work_guard();
    work_guard(const work_guard&) = delete;
    work_guard& operator=(const work_guard&) = delete;

private:
    detail::runtime_core* core_;
};

} // namespace moor
