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

} // namespace moor::test
