// Function-local static variables whose initialiser does not end at once: others come to it meanwhile, and nobody's
// worker waits. Only where the library has the locks of the C++ ABI.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/child.hpp"
#include "support/run.hpp"
#include "win/compiler.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

// In a child, since what is wrong hangs.
void expect_end(const test::scenario& wanted) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 0u);
    EXPECT_EQ(end.error_output, "");
}

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

int compute_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
        volatile int count = 0;
        while (count < 3000) {
            count = count + 1;
        }
    }
    return 42;
}

MOOR_NOINLINE int computed() {
    static const int value = compute_for(60ms);
    return value;
}

const test::scenario preempted_within("preempted_within", [] {
    runtime running(test::with_workers(1));
    running.run([] {
        auto first = spawn({.preemptible = true}, &computed);
        auto second = spawn({.preemptible = true}, &computed);
        require(first.join() == 42 && second.join() == 42);
    });
    require(running.metrics().preemptions > 0);
});
TEST(static_guard, of_an_initialiser_that_is_preempted) { expect_end(preempted_within); }

std::atomic<int> runs{0};

int sleep_for_a_moment() {
    ++runs;
    this_coroutine::sleep_for(20ms);
    return 7;
}

MOOR_NOINLINE int slept() {
    static const int value = sleep_for_a_moment();
    return value;
}

const test::scenario suspended_within("suspended_within", [] {
    test::in_runtime(2, [] {
        std::vector<join_handle<int>> all;
        for (int count = 0; count < 50; ++count) {
            all.push_back(spawn(&slept));
        }
        for (auto& each : all) {
            require(each.join() == 7);
        }
    });
    require(runs == 1);
});
TEST(static_guard, of_an_initialiser_that_suspends) { expect_end(suspended_within); }

MOOR_NOINLINE int slept_beside_a_thread() {
    static const int value = sleep_for_a_moment();
    return value;
}

const test::scenario awaited_by_thread("awaited_by_thread", [] {
    runtime running(test::with_workers(1));
    auto first = running.spawn(&slept_beside_a_thread);
    while (runs == 0) {
        std::this_thread::yield();
    }
    require(slept_beside_a_thread() == 7);
    require(first.join() == 7 && runs == 1);
});
TEST(static_guard, makes_a_plain_thread_wait_too) { expect_end(awaited_by_thread); }

std::atomic<int> attempts{0};

int fail_at_first() {
    this_coroutine::sleep_for(5ms);
    if (++attempts == 1) {
        throw std::runtime_error("the first attempt");
    }
    return 9;
}

MOOR_NOINLINE int made_at_second_attempt() {
    static const int value = fail_at_first();
    return value;
}

const test::scenario failing("failing", [] {
    test::in_runtime(1, [] {
        std::vector<join_handle<int>> all;
        for (int count = 0; count < 5; ++count) {
            all.push_back(spawn([] {
                try {
                    return made_at_second_attempt();
                } catch (const std::runtime_error&) {
                    return -1;
                }
            }));
        }
        int failed = 0;
        for (auto& each : all) {
            const int value = each.join();
            failed += value == -1 ? 1 : 0;
            require(value == -1 || value == 9);
        }
        require(failed == 1);
    });
    require(attempts == 2);
});
TEST(static_guard, is_tried_again_by_the_next_one_when_the_initialiser_throws) { expect_end(failing); }

} // namespace
} // namespace moor
