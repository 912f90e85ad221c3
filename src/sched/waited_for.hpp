// Whom a coroutine waits for, as somebody else may read it while the coroutine goes on. Two words: there is one in each
// coroutine.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <moor/detail/wait.hpp>

#include "win/spin_lock.hpp"

namespace moor::sched {

class waited_for {
public:
    /// By the coroutine that begins to wait. Without the lock, which costs: nobody reads what is not there yet.
    void begin(const detail::dependence& on) noexcept {
        shift_ = static_cast<std::uint8_t>(on.shift);
        if (on.holder != nullptr) {
            kind_ = kind::holder;
            word_ = reinterpret_cast<std::uint64_t>(on.holder);
        } else if (on.group != nullptr) {
            kind_ = kind::group;
            word_ = reinterpret_cast<std::uint64_t>(on.group);
        } else {
            kind_ = kind::coroutine;
            word_ = on.coroutine;
        }
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
        on = {};
        on.shift = shift_;
        switch (kind_) {
        case kind::holder: on.holder = reinterpret_cast<const std::atomic<std::uint64_t>*>(word_); break;
        case kind::group: on.group = reinterpret_cast<const void*>(word_); break;
        case kind::coroutine: on.coroutine = word_; break;
        }
        holder = on.holder != nullptr ? on.holder->load(std::memory_order_acquire) >> on.shift : 0;
        return true;
    }

private:
    enum class kind : std::uint8_t { holder, group, coroutine };

    detail::spin_lock lock_; // whoever has it keeps the coroutine from leaving
    std::atomic<bool> there_{false};
    // Constant while `there_`: a detail::dependence, of whose three one is given.
    kind kind_{};
    std::uint8_t shift_ = 0;
    std::uint64_t word_ = 0;
};

} // namespace moor::sched
