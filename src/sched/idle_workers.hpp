// Who sleeps and who is looking for work: so that new work wakes one worker when it must, and none when somebody is looking.
// After Go's runtime/proc.go ("Worker thread parking/unparking").
#pragma once

#include <atomic>
#include <cstdint>

namespace moor::sched {

/// Both counts in one word, so that a waker reads them together. All operations are sequentially consistent: a waker queues
/// work and then looks here; a worker says here that it goes to sleep and then looks at all queues once more. One of the
/// two sees the other.
class idle_workers {
public:
    /// True when a worker must be woken: one sleeps and none is searching. The caller posts the wake-up; the worker that takes
    /// it counts as searching from now on.
    [[nodiscard]] bool claim_wakeup() noexcept {
        std::uint64_t seen = word_.load();
        while ((seen & sleeping_mask) != 0 && seen < searching_step) {
            if (word_.compare_exchange_weak(seen, seen + searching_step)) {
                return true;
            }
        }
        return false;
    }

    /// A worker out of work starts to look at the others' queues. False when half of them do so already.
    [[nodiscard]] bool start_searching(unsigned workers) noexcept {
        const std::uint64_t seen = word_.load(std::memory_order_relaxed);
        if (2 * (seen >> 32) >= workers) {
            return false;
        }
        word_.fetch_add(searching_step);
        return true;
    }

    /// It stops looking. True when it was the last: whoever found work wakes another one, since there may be more.
    bool stop_searching() noexcept { return word_.fetch_sub(searching_step) < 2 * searching_step; }

    /// It is about to sleep. True when all workers sleep now.
    bool start_sleeping(unsigned workers) noexcept { return (word_.fetch_add(1) & sleeping_mask) + 1 == workers; }
    void stop_sleeping() noexcept { word_.fetch_sub(1); }

    [[nodiscard]] std::uint32_t sleeping() const noexcept { return static_cast<std::uint32_t>(word_.load()); }

private:
    static constexpr std::uint64_t sleeping_mask = 0xffffffff;
    static constexpr std::uint64_t searching_step = std::uint64_t{1} << 32;

    std::atomic<std::uint64_t> word_{0}; // low half: sleeping, high half: searching
};

} // namespace moor::sched
