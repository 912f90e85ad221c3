// What the coroutines of one run of the load share: when it ends, and what they count.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>

#include "torture/planted.hpp"

namespace moor::test {

/// How often the stacks of one kind of coroutine moved before it ended. Any thread.
class copy_counts {
public:
    void ended_after(std::uint64_t copies) noexcept {
        std::uint64_t seen = fewest_.load(std::memory_order_relaxed);
        while (copies < seen && !fewest_.compare_exchange_weak(seen, copies, std::memory_order_relaxed)) {
        }
    }
    [[nodiscard]] std::uint64_t fewest() const noexcept { return fewest_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> fewest_{std::numeric_limits<std::uint64_t>::max()};
};

struct load_state {
    using clock = std::chrono::steady_clock;

    load_state(clock::duration length, clock::duration longest_wait)
        : end(clock::now() + length), patience(longest_wait) {}

    /// Whether the time is over, and what else is wanted has been seen; for that it waits three minutes more at most.
    [[nodiscard]] bool over() const {
        const auto now = clock::now();
        return now >= end && (now >= end + std::chrono::minutes(3) || !seen_enough || seen_enough());
    }

    const clock::time_point end;
    /// Set before the load begins; called by its coroutines.
    std::function<bool()> seen_enough;
    /// Each single call's limit.
    const clock::duration patience;

    damage found;
    copy_counts session_copies;
    std::atomic<std::uint64_t> records{0};
    std::atomic<std::uint64_t> frames_sent{0};
    std::atomic<std::uint64_t> frames_received{0};
    std::atomic<std::uint64_t> datagrams_sent{0};
    std::atomic<std::uint64_t> datagrams_received{0};
    std::atomic<std::uint64_t> corrupted{0};
};

} // namespace moor::test
