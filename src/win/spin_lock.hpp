// Locking and unlocking of detail::spin_lock. Whoever holds one is in a runtime section: a preempted holder would keep
// the next coroutine of its worker spinning for ever.
#pragma once

#include <moor/detail/spin_lock.hpp>

#include "win/system_stack.hpp"

namespace moor::detail {

inline void spin_lock::lock() noexcept {
    if (auto* const thread = win::system_stack::current()) {
        thread->begin_section();
    }
    // Acquire pairs with the release in unlock().
    if (held_.exchange(true, std::memory_order_acquire)) {
        lock_contended();
    }
}

inline bool spin_lock::try_lock() noexcept {
    auto* const thread = win::system_stack::current();
    if (thread != nullptr) {
        thread->begin_section();
    }
    const bool locked = !held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire);
    if (!locked && thread != nullptr) {
        thread->end_section();
    }
    return locked;
}

inline void spin_lock::unlock() noexcept {
    held_.store(false, std::memory_order_release);
    if (auto* const thread = win::system_stack::current()) {
        thread->end_section();
    }
}

} // namespace moor::detail
