// A thread that looks after what a busy worker cannot: coroutines that it woke, and timers that are due, while it stays
// in one coroutine for long. It has a sleeping worker take them over, and it preempts the coroutine, or asks it to
// yield when that is not possible. A worker that has not looked at the clock meanwhile is told to: it counts turns
// between its looks, and those may have become long. After Go's sysmon (runtime/proc.go).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "preempt/async_preemption.hpp"
#include "win/handle.hpp"

namespace moor::detail {
class runtime_core;
}

namespace moor::sched {

class worker;

class monitor {
public:
    /// Time between two looks while workers are busy: a fraction of the time slice, in milliseconds, since that is what
    /// the system's waits count. A turn counts from that time before the look that saw it first, and one look falls to
    /// its slice's end; so a worker is found stuck after a slice, or up to that time earlier.
    static constexpr unsigned looks_per_slice = 5;
    static constexpr std::chrono::milliseconds longest_between_looks{10};

    /// So many looks in a row that saw no turn last until the next make looks rarer, until one does: each costs a
    /// processor two switches, which a server that only passes messages on would pay for nothing. A turn that begins
    /// meanwhile is up to a `calm_looks_per_slice`th of the slice old when it is seen first, and found stuck later by
    /// what that is more than the usual time between looks. Go's sysmon sleeps for up to ten milliseconds.
    static constexpr unsigned looks_until_calm = 5;
    static constexpr unsigned calm_looks_per_slice = 2;

    /// Under preempt_storm: what a worker has to itself between two attempts. Without it a thread that is suspended
    /// again as soon as it runs gets nowhere.
    static constexpr std::chrono::microseconds storm_pause{200};

    /// A worker that stays in one coroutine for this long is looked at more closely: whether its thread is alive, and,
    /// after the second time, whether a coroutine that was preempted there may hold what the running one waits for.
    static constexpr std::chrono::seconds thread_expected_alive{1};
    static constexpr std::chrono::seconds hang_reported_after{5};

    /// A runtime that has had nothing to do for so long gives the memory of unused segments back to the system. (What
    /// it keeps is for the next burst of coroutines.) For tests, before anything runs.
    std::chrono::milliseconds idle_before_trim{10'000};

    explicit monitor(detail::runtime_core& runtime);
    ~monitor();
    monitor(const monitor&) = delete;
    monitor& operator=(const monitor&) = delete;

    /// Throws std::system_error.
    void start_thread();
    void join_thread() noexcept;

    /// A worker has stopped sleeping (sequentially consistent, before this). One load, unless the monitor rests.
    void worker_woke() noexcept {
        if (resting_.load(std::memory_order_seq_cst)) {
            end_rest();
        }
    }

    /// Attempts to preempt a coroutine that were put off, by reason. Any thread.
    [[nodiscard]] std::array<std::uint64_t, preempt_refusals> refusals() const noexcept {
        return preemption_.refusals();
    }

private:
    static unsigned __stdcall thread_main(void* self) noexcept;
    void run() noexcept;
    void look() noexcept;
    [[nodiscard]] std::chrono::milliseconds share_of_slice(unsigned looks) const noexcept;
    [[nodiscard]] DWORD until_next_look() const noexcept;
    [[nodiscard]] bool rest() noexcept;
    void end_rest() noexcept;
    void wait(std::uint32_t wakes, DWORD timeout) noexcept;
    void wake() noexcept;
    void report_unsorted_table() const noexcept;

    using steady = std::chrono::steady_clock;

    steady::time_point rest_until_woken(std::uint32_t wakes) noexcept;
    [[nodiscard]] steady::time_point longest_rest(steady::time_point now) const noexcept;

    // A worker, as last looked at. The monitor's thread alone.
    struct watched {
        std::uint32_t turn = 0;
        std::uint32_t looks = 0;        // of the worker at the clock
        steady::time_point since{};     // when the turn is taken to have begun, see looks_per_slice
        steady::time_point attempted{}; // to preempt it, last
        unsigned refused = 0;           // attempts to preempt it, in a row
        unsigned looks_to_wait = 0;     // before the next one
        bool hang_reported = false;
    };
    void preempt(worker& stuck, watched& seen) noexcept;
    void report_trouble(const worker& stuck, watched& seen, steady::duration lasting) const noexcept;

    detail::runtime_core& runtime_;
    win::unique_handle thread_;
    std::atomic<std::uint32_t> wakes_{0}; // what the thread waits at: it changes with every wake()
    // Set by the monitor when its last look found that nothing had run since the one before; it looks once more whether
    // all workers are asleep after that. Whoever clears it wakes the monitor.
    std::atomic<bool> resting_{false};
    std::atomic<bool> ending_{false};
    std::vector<watched> watched_;
    // From here on: the monitor's thread alone.
    steady::time_point last_look_{};
    steady::time_point cancelled_again_{}; // when open_handles::cancel_again was called last
    steady::time_point slice_ends_{};      // the first that does
    unsigned calm_looks_ = 0;              // in a row
    bool idle_ = false;                    // all workers slept, and had done nothing since the look before
    preempt::async_preemption preemption_;
};

} // namespace moor::sched
