// Whom a coroutine waits for, as somebody else may read it while the coroutine goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <moor/detail/wait.hpp>

#include "sync/spin_lock.hpp"

namespace moor::sched {

class waited_for {
public:
    /// By the coroutine that begins to wait. Without the lock, which costs: nobody reads what is not there yet.
    void begin(const detail::dependence& on) noexcept {
        on_ = on;
        there_.store(true, std::memory_order_release); // with the load in read()
    }

    /// By the coroutine, before it leaves the call whose wait has ended. What it waited for is there until this
    /// returns.
    void end() noexcept {
        const std::lock_guard guard(lock_);
        there_.store(false, std::memory_order_relaxed);
    }

    /// What it waits for, and, of what has a holder, the holder's id (else 0). False when it waits for nobody. Any
    /// thread.
    [[nodiscard]] bool read(detail::dependence& on, std::uint64_t& holder) noexcept {
        if (!there_.load(std::memory_order_relaxed)) {
            return false;
        }
        const std::lock_guard guard(lock_);
        if (!there_.load(std::memory_order_acquire)) {
            return false;
        }
        on = on_;
        holder = on.holder != nullptr ? on.holder->load(std::memory_order_acquire) >> on.shift : 0;
        return true;
    }

private:
    detail::spin_lock lock_; // whoever has it keeps the coroutine from leaving
    std::atomic<bool> there_{false};
    detail::dependence on_; // constant while `there_`
};

} // namespace moor::sched
