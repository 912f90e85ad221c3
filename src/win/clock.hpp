// The one reader of time: of the system's steady clock (moor/detail/clock.hpp) and of the processor's counter. With
// clock.cpp it keeps the half of law 7 that is about time.
#pragma once

#include <atomic>
#include <cstdint>

#include <moor/detail/clock.hpp>

#include "win/compiler.hpp"

namespace moor::win {

/// What can be read in place of the system's clock: two functions that any thread calls, also with locks held, and that
/// never go back. Both tell the same time, in their own units.
struct clock_functions {
    moor::detail::wait_clock::time_point (*now)() noexcept;
    std::uint64_t (*cycles)() noexcept; // some billions a second
};

/// Written by replaced_clock alone; null: the system's and the processor's own. Relaxed is enough: a thread that reads
/// an old value reads the clock of a moment ago.
inline constinit std::atomic<decltype(clock_functions::now)> replaced_now{nullptr};
inline constinit std::atomic<decltype(clock_functions::cycles)> replaced_cycles{nullptr};

/// The processor's counter, for what a look at the clock would cost too much: spans of time of one thread.
[[nodiscard]] inline std::uint64_t cycles() noexcept {
    if (const auto replaced = replaced_cycles.load(std::memory_order_relaxed); replaced != nullptr) [[unlikely]] {
        return replaced();
    }
    return __rdtsc();
}

/// Has the library read another clock while it lives. For tests and simulations: one at a time, made before the
/// runtimes that shall live by it, and ended after them, since the system's clock may be behind it.
class [[nodiscard]] replaced_clock {
public:
    explicit replaced_clock(const clock_functions& wanted) noexcept;
    ~replaced_clock();
    replaced_clock(const replaced_clock&) = delete;
    replaced_clock& operator=(const replaced_clock&) = delete;
};

} // namespace moor::win
