// Numbers that one thread counts and others read.
#pragma once

#include <atomic>
#include <cstdint>

namespace moor::sched {

/// Only its worker writes it, and any thread reads it: no read-modify-write is needed.
class counter {
public:
    void add(std::uint64_t more) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    /// The same; whoever has seen the sum by value_acquire() sees what was written before.
    void add_release(std::uint64_t more) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_release);
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value_acquire() const noexcept { return value_.load(std::memory_order_acquire); }

private:
    std::atomic<std::uint64_t> value_{0};
};

} // namespace moor::sched
