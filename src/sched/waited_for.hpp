// Whom a coroutine waits for, as another thread may read it while the coroutine is woken. Two words: there is one in
// each coroutine.
//
// What is waited for may be gone as soon as the wait has ended, so the coroutine must not leave while another thread
// reads it. A lock would cost the coroutine an interlocked operation in each wait. Instead the reader marks the word of
// the wait (parker::observed), which it can only do before the wait has ended, and only a coroutine that finds its wait
// marked takes the reader's lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <moor/detail/wait.hpp>

#include "win/compiler.hpp"
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

    /// By the coroutine, before it leaves the call whose wait has ended; `observed` says whether its word was marked.
    /// What it waited for is there until this returns.
    void end(bool observed) noexcept {
        if (observed) [[unlikely]] {
            wait_for_reader();
        }
        there_.store(false, std::memory_order_relaxed);
    }

    /// What it waits for, and, of what has a holder, the holder's id (else 0). `observe` marks the wait and says
    /// whether it could. False when it could not, or when the wait is for nobody known. Any thread.
    template <class Observe>
    [[nodiscard]] bool read(detail::dependence& on, std::uint64_t& holder, Observe&& observe) noexcept {
        if (!there_.load(std::memory_order_relaxed)) {
            return false;
        }
        const std::lock_guard guard(lock_); // before the mark: who finds the mark waits for the lock
        if (!observe() || !there_.load(std::memory_order_acquire)) {
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

    MOOR_NOINLINE void wait_for_reader() noexcept { const std::lock_guard guard(lock_); }

    detail::spin_lock lock_; // a reader's
    std::atomic<bool> there_{false};
    // Constant while `there_`: a detail::dependence, of whose three one is given.
    kind kind_{};
    std::uint8_t shift_ = 0;
    std::uint64_t word_ = 0;
};

} // namespace moor::sched
