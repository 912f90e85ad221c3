// Waiting without a suspension: what eventually.hpp is not. For tests in which a coroutine has to keep its worker busy.
#pragma once

#include <chrono>

namespace moor::test {

/// Whether `condition()` becomes true within half a minute. Keeps the calling thread busy.
template <class Condition>
[[nodiscard]] bool spin_until(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) {
            return false;
        }
    }
    return true;
}

/// Counts so far, in the caller's own code: a few nanoseconds per step, which no compiler leaves out. (Clang deletes a
/// loop that has nothing but a signal fence in it.)
inline void count_to(int last) noexcept {
    volatile int count = 0;
    while (count != last) {
        count = count + 1;
    }
}

} // namespace moor::test
