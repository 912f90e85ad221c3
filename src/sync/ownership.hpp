// Who owns a lock: a coroutine, or a plain thread. Every build writes it down, for the search for circles
// (sched/circle_watch.hpp). Debug builds of the library also check that a lock is released by its owner and not taken
// twice by the same one; release builds compile the checks away, and tell no thread from another.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "win/error.hpp"

namespace moor::detail {

#ifdef NDEBUG
inline constexpr bool checks_ownership = false;
#else
inline constexpr bool checks_ownership = true;
#endif

/// The calling coroutine or plain thread. Never 0, and no thread's is a coroutine's.
[[nodiscard]] inline std::uint64_t caller_identity() noexcept {
    constexpr std::uint64_t thread_mark = std::uint64_t{1} << 63;
    if (const auto* const self = sched::worker::current_coroutine()) {
        return self->id.load(std::memory_order_relaxed);
    }
    if constexpr (checks_ownership) {
        return std::hash<std::thread::id>()(std::this_thread::get_id()) | thread_mark;
    }
    return thread_mark;
}

// Relaxed: a check compares a record with what the same coroutine has written, and the search for circles takes one for
// true only while its writer waits.

inline void record_owner(std::atomic<std::uint64_t>& owner) noexcept {
    owner.store(caller_identity(), std::memory_order_relaxed);
}

inline void forget_owner(std::atomic<std::uint64_t>& owner) noexcept {
    if constexpr (checks_ownership) {
        if (owner.load(std::memory_order_relaxed) != caller_identity()) {
            win::fatal("a mutex was unlocked by another than its owner");
        }
    }
    owner.store(0, std::memory_order_relaxed);
}

inline void check_not_owner(const std::atomic<std::uint64_t>& owner) noexcept {
    if constexpr (checks_ownership) {
        if (owner.load(std::memory_order_relaxed) == caller_identity()) {
            win::fatal("a mutex was locked again by its owner");
        }
    }
}

} // namespace moor::detail
