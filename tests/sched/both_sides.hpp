// For tests of what coroutines and plain threads do alike.
#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "support/run.hpp"

namespace moor::test {

/// The side that waits.
enum class side { coroutine, thread };

/// Runs `body` on a coroutine of a runtime with one worker, or right here.
inline void run_on(side which, const std::function<void()>& body) {
    if (which == side::thread) {
        body();
    } else {
        in_runtime(1, body);
    }
}

inline auto both_sides() { return testing::Values(side::coroutine, side::thread); }

inline const char* name_of_side(const testing::TestParamInfo<side>& tested) {
    return tested.param == side::coroutine ? "coroutine" : "thread";
}

} // namespace moor::test
