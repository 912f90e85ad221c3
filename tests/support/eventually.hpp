// Waiting for what must come true without a sleep for a guess: looks again and again, letting others run in between.
#pragma once

#include <chrono>

#include <moor/this_coroutine.hpp>

namespace moor::test {

/// Whether `condition()` becomes true within half a minute, or what is given. From a coroutine or a plain thread.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition, std::chrono::milliseconds within = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) {
            return false;
        }
        if (this_coroutine::exists()) {
            // A short sleep instead of a yield: the workers must get to their timers and their port, too.
            this_coroutine::sleep_for(std::chrono::milliseconds(1));
        } else {
            this_coroutine::yield();
        }
    }
    return true;
}

} // namespace moor::test
