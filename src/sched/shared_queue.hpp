// First in, first out queue of coroutines for any thread to push to: the runtime's shared queue and that of those who
// yielded, and each worker's queues of coroutines that only it may run.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>

#include "sched/coroutine.hpp"
#include "win/compiler.hpp"
#include "win/spin_lock.hpp"

namespace moor::sched {

using detail::coroutine;

class shared_queue {
public:
    void push(coroutine& item) noexcept {
        item.next_in_queue = nullptr;
        const std::lock_guard guard(lock_);
        append(item);
    }

    void push(std::span<coroutine* const> items) noexcept {
        const std::lock_guard guard(lock_);
        for (coroutine* const item : items) {
            item->next_in_queue = nullptr;
            append(*item);
        }
    }

    /// For one that was popped and does not run yet after all.
    void push_front(coroutine& item) noexcept {
        const std::lock_guard guard(lock_);
        coroutine* const second = first_.load(std::memory_order_relaxed);
        item.next_in_queue = second;
        if (second == nullptr) {
            last_ = &item;
        }
        first_.store(&item, std::memory_order_seq_cst);
    }

    /// Null when empty; costs one load then.
    [[nodiscard]] MOOR_ALWAYS_INLINE coroutine* pop() noexcept { return empty() ? nullptr : pop_under_lock(); }

    /// A moment's truth. Sequentially consistent: a worker that goes to sleep looks here after having said so, and a
    /// pusher looks for sleepers after having pushed.
    [[nodiscard]] bool empty() const noexcept { return first_.load(std::memory_order_seq_cst) == nullptr; }

private:
    [[nodiscard]] MOOR_NOINLINE coroutine* pop_under_lock() noexcept {
        const std::lock_guard guard(lock_);
        coroutine* const item = first_.load(std::memory_order_relaxed);
        if (item != nullptr) {
            first_.store(item->next_in_queue, std::memory_order_relaxed);
            if (item->next_in_queue == nullptr) {
                last_ = nullptr;
            }
        }
        return item;
    }

    void append(coroutine& item) noexcept {
        if (last_ != nullptr) {
            last_->next_in_queue = &item;
        } else {
            first_.store(&item, std::memory_order_seq_cst);
        }
        last_ = &item;
    }

    detail::spin_lock lock_;
    std::atomic<coroutine*> first_{nullptr}; // written under lock_
    coroutine* last_ = nullptr;              // guarded by lock_
};

} // namespace moor::sched
