// What the tests of the primitives share: waiting until others are blocked, errors as values, and random delays
// whose seed is printed so that a failing run can be repeated (MOOR_TEST_SEED).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "support/run.hpp"

namespace moor::test {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// Long enough that only a lost wake-up makes a test reach it.
inline constexpr auto never_reached = 20s;

/// Waits until `condition()` holds, also when the coroutine is asked to stop; fails the test when it never does.
template <class Condition>
void until(Condition condition) {
    const this_coroutine::stop_shield until_then;
    const auto end = steady::now() + never_reached;
    for (int turn = 0; !condition(); ++turn) {
        if (steady::now() > end) {
            ADD_FAILURE() << "what was waited for did not come";
            return;
        }
        if (turn < 100) {
            this_coroutine::yield();
        } else {
            this_coroutine::sleep_for(1ms);
        }
    }
}

/// Spawns `function` and returns when it waits for something (it stands in the queue of what it waits for, once that
/// one's lock is free) or has ended.
template <class Function>
auto spawn_blocked(Function function) {
    const auto self = std::make_shared<std::atomic<const detail::coroutine*>>(nullptr);
    auto handle = spawn([self, body = std::move(function)]() mutable {
        *self = sched::worker::current_coroutine();
        return body();
    });
    until([&] {
        const detail::coroutine* const known = *self;
        return handle.done() || (known != nullptr && known->waiting_for.load() != nullptr);
    });
    return handle;
}

/// Gives what should not happen a chance to happen.
inline void let_others_run() {
    for (int turn = 0; turn < 20; ++turn) {
        this_coroutine::yield();
    }
    this_coroutine::sleep_for(3ms);
}

/// The error that `function` throws as std::system_error; none when it returns.
template <class Function>
std::error_code error_of(Function&& function) {
    try {
        std::forward<Function>(function)();
        return {};
    } catch (const std::system_error& thrown) {
        return thrown.code();
    }
}

/// Random numbers for delays and choices. One per coroutine.
class random_numbers {
public:
    explicit random_numbers(std::uint32_t stream = 0) : engine_(seed() + stream * 7919u) {}

    /// In 0 … bound-1.
    std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>((std::uint64_t{engine_()} * bound) >> 32);
    }

    static std::uint32_t seed() {
        static const std::uint32_t chosen = [] {
            const char* const wanted = std::getenv("MOOR_TEST_SEED");
            const auto value = wanted != nullptr ? static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10))
                                                 : std::random_device{}();
            std::printf("MOOR_TEST_SEED=%u\n", value);
            std::fflush(stdout);
            return value;
        }();
        return chosen;
    }

private:
    std::mt19937 engine_;
};

/// Keeps the processor busy without a suspension, for about that long.
inline void spin_for(std::chrono::nanoseconds duration) {
    const auto end = steady::now() + duration;
    while (steady::now() < end) {
    }
}

/// A random short delay of one of the kinds that move a race about: none, a sleep of up to a millisecond (timers that
/// are due together are what makes deadlines race), a few yields, or some spinning.
inline void random_delay(random_numbers& random) {
    switch (random.below(4)) {
    case 0: break;
    case 3: this_coroutine::sleep_for(std::chrono::microseconds(random.below(1'000))); break;
    case 1:
        for (std::uint32_t turns = random.below(4); turns > 0; --turns) {
            this_coroutine::yield();
        }
        break;
    default: spin_for(std::chrono::nanoseconds(random.below(20'000))); break;
    }
}

/// A suite whose parameter is the number of workers.
class on_workers : public testing::TestWithParam<unsigned> {};

} // namespace moor::test
