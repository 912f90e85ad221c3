// Debug builds of the library check that a lock is released by its owner and not taken twice by the same one. The owner
// is a coroutine, or a plain thread; release builds compile all of it away.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include <moor/this_coroutine.hpp>

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
    const std::uint64_t coroutine = this_coroutine::id();
    return coroutine != 0 ? coroutine : std::hash<std::thread::id>()(std::this_thread::get_id()) | thread_mark;
}

// Relaxed: a record is compared with nothing but what the same coroutine has written.

inline void record_owner(std::atomic<std::uint64_t>& owner) noexcept {
    if constexpr (checks_ownership) {
        owner.store(caller_identity(), std::memory_order_relaxed);
    }
}

inline void forget_owner(std::atomic<std::uint64_t>& owner) noexcept {
    if constexpr (checks_ownership) {
        if (owner.load(std::memory_order_relaxed) != caller_identity()) {
            win::fatal("a mutex was unlocked by another than its owner");
        }
        owner.store(0, std::memory_order_relaxed);
    }
}

inline void check_not_owner(const std::atomic<std::uint64_t>& owner) noexcept {
    if constexpr (checks_ownership) {
        if (owner.load(std::memory_order_relaxed) == caller_identity()) {
            win::fatal("a mutex was locked again by its owner");
        }
    }
}

} // namespace moor::detail
