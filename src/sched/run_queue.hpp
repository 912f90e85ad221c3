// A worker's own ring of runnable coroutines: one owner pushes and pops, any other worker may steal half.
// After Go's runtime/proc.go (runqput, runqget, runqgrab). Pure: no system calls, tested on any host under sanitizers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace moor::sched {

/// `Capacity` is a power of two; tests shrink it to reach the edges within a few steps.
template <class T, std::uint32_t Capacity = 256>
class run_queue {
    static_assert(Capacity >= 2 && (Capacity & (Capacity - 1)) == 0);

public:
    static constexpr std::uint32_t capacity = Capacity;

    /// Owner only. False when the ring is full.
    [[nodiscard]] bool push(T& item) noexcept {
        // Acquire pairs with the exchange of the thief that took the slot, so that its read came before our write.
        const std::uint32_t head = head_.load(std::memory_order_acquire);
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head >= Capacity) {
            return false;
        }
        slot(tail).store(&item, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release); // publishes the slot to thieves
        return true;
    }

    /// Owner only. The oldest item, null when the ring is empty.
    [[nodiscard]] T* pop() noexcept {
        // Relaxed: the owner reads slots that it has written itself, and an exchange of a head that is too old fails.
        std::uint32_t head = head_.load(std::memory_order_relaxed);
        for (;;) {
            const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
            if (head == tail) {
                return nullptr;
            }
            T* const item = slot(head).load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_relaxed, std::memory_order_relaxed)) {
                return item;
            }
        }
    }

    /// pop() for a queue that nobody steals from, without the interlocked operation.
    [[nodiscard]] T* pop_unshared() noexcept {
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_relaxed)) {
            return nullptr;
        }
        T* const item = slot(head).load(std::memory_order_relaxed);
        head_.store(head + 1, std::memory_order_relaxed);
        return item;
    }

    /// Owner only. Takes up to half of a full ring out, oldest first, for the shared queue. Returns how many; 0 when
    /// thieves made room meanwhile.
    [[nodiscard]] std::uint32_t take_half(std::array<T*, Capacity / 2>& batch) noexcept {
        std::uint32_t head = head_.load(std::memory_order_acquire);
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        const std::uint32_t count = (tail - head) / 2;
        if (count != Capacity / 2) {
            return 0;
        }
        for (std::uint32_t index = 0; index < count; ++index) {
            batch[index] = slot(head + index).load(std::memory_order_relaxed);
        }
        return head_.compare_exchange_strong(head, head + count, std::memory_order_acq_rel) ? count : 0;
    }

    /// By the owner of `thief`, which must be empty: moves the older half of this ring there and returns one of those
    /// items to run at once; null when there is nothing to steal. `stolen` is how many were taken, that one included.
    [[nodiscard]] T* steal_half_into(run_queue& thief, std::uint32_t& stolen) noexcept {
        const std::uint32_t thief_tail = thief.tail_.load(std::memory_order_relaxed);
        std::uint32_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            // Acquire pairs with push: the slots below the tail are readable.
            const std::uint32_t tail = tail_.load(std::memory_order_acquire);
            const std::uint32_t available = tail - head;
            const std::uint32_t count = available - available / 2;
            stolen = count;
            if (count == 0) {
                return nullptr;
            }
            if (count > Capacity / 2) { // head is older than tail: read both again
                head = head_.load(std::memory_order_acquire);
                continue;
            }
            for (std::uint32_t index = 0; index + 1 < count; ++index) {
                T* const item = slot(head + index).load(std::memory_order_relaxed);
                thief.slot(thief_tail + index).store(item, std::memory_order_relaxed);
            }
            T* const last = slot(head + count - 1).load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel, std::memory_order_acquire)) {
                thief.tail_.store(thief_tail + count - 1, std::memory_order_release);
                return last;
            }
        }
    }

    /// Any thread; a moment's truth for others than the owner, and for the owner no less than what is there.
    [[nodiscard]] std::uint32_t size() const noexcept {
        const std::uint32_t head = head_.load(std::memory_order_acquire);
        return tail_.load(std::memory_order_acquire) - head;
    }

    /// Any thread; a moment's truth likewise.
    [[nodiscard]] bool empty() const noexcept {
        return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
    }

private:
    [[nodiscard]] std::atomic<T*>& slot(std::uint32_t position) noexcept { return slots_[position & (Capacity - 1)]; }

    // Positions count up and wrap around; tail_ - head_ is the number of items. Owner and thieves advance head_ by
    // compare-and-swap; only the owner writes tail_. On cache lines of their own.
    alignas(64) std::atomic<std::uint32_t> head_{0};
    alignas(64) std::atomic<std::uint32_t> tail_{0};
    alignas(64) std::array<std::atomic<T*>, Capacity> slots_{};
};

} // namespace moor::sched
