// Who sleeps and who is looking for work: so that new work wakes one worker when it must, and none when somebody is
// looking. After Go's runtime/proc.go ("Worker thread parking/unparking").
#pragma once

#include <atomic>
#include <cstdint>

namespace moor::sched {

/// Both counts in one word, so that a waker reads them together. A waker queues work and then looks here; a worker says
/// here that it goes to sleep and then looks at all queues once more. One of the two sees the other: each has a
/// sequentially consistent fence between its two steps, whatever the queues themselves promise.
class idle_workers {
public:
    /// True when a worker must be woken: one sleeps and none is searching. The caller posts the wake-up; the worker
    /// that takes it counts as searching from now on.
    [[nodiscard]] bool claim_wakeup() noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        std::uint64_t seen = word_.load();
        while (sleeping_in(seen) != 0 && searching_in(seen) == 0) {
            if (word_.compare_exchange_weak(seen, seen + searching_step)) {
                return true;
            }
        }
        return false;
    }

    /// A worker out of work starts to look at the others' queues. False when half of them do so already.
    [[nodiscard]] bool start_searching(unsigned workers) noexcept {
        const std::uint64_t seen = word_.load(std::memory_order_relaxed);
        if (2 * searching_in(seen) >= workers) {
            return false;
        }
        word_.fetch_add(searching_step);
        return true;
    }

    /// It had stopped looking and has found something after all: it looks again, however many do.
    void search_again() noexcept { word_.fetch_add(searching_step); }

    /// It stops looking. True when it was the last: whoever found work wakes another one, since there may be more.
    bool stop_searching() noexcept { return searching_in(word_.fetch_sub(searching_step)) == 1; }

    /// It is about to sleep, and stops looking if it did. In one step, before the fence: a waker that finds it looking
    /// still relies on the look that follows. True when all workers sleep now.
    bool start_sleeping(unsigned workers, bool searched) noexcept {
        const std::uint64_t before = word_.fetch_add(sleeping_step - (searched ? searching_step : 0));
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return sleeping_in(before) + 1 == workers;
    }
    void stop_sleeping() noexcept { word_.fetch_add(woken_step - sleeping_step); }

    /// All of it as one value. When two of them are equal no worker has woken between, nor was one asked to.
    [[nodiscard]] std::uint64_t snapshot() const noexcept {
        std::atomic_thread_fence(std::memory_order_acquire); // what the caller read before was read before
        return word_.load();
    }

    /// Whether all workers slept at that moment and no wake-up was on its way.
    [[nodiscard]] static bool all_asleep(std::uint64_t snapshot, unsigned workers) noexcept {
        return sleeping_in(snapshot) == workers && searching_in(snapshot) == 0;
    }

private:
    static constexpr std::uint64_t sleeping_step = 1;
    static constexpr std::uint64_t searching_step = std::uint64_t{1} << 16;
    static constexpr std::uint64_t woken_step = std::uint64_t{1} << 32;

    static constexpr unsigned sleeping_in(std::uint64_t word) noexcept { return static_cast<std::uint16_t>(word); }
    static constexpr unsigned searching_in(std::uint64_t word) noexcept {
        return static_cast<std::uint16_t>(word / searching_step);
    }

    // From the low end: 16 bits sleeping, 16 bits searching, 32 bits how often one stopped sleeping (wraps around).
    std::atomic<std::uint64_t> word_{0};
};

} // namespace moor::sched
