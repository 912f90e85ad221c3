// Coroutines that do not give their worker up: others run beside them, and they find everything as it was.
#include <moor/preempt.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <moor/channel.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/under_storm.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

// An endless loop as compilers make it: no call, no store that another thread could see, only a load.
void spin_until_set(const std::atomic<bool>& flag) {
    while (!flag.load(std::memory_order_relaxed)) {
    }
}

TEST(preemption, an_endless_loop_keeps_nobody_waiting) {
    test::in_runtime(1, [] {
        std::atomic<bool> stop{false};
        auto loop = spawn({.name = "loop", .preemptible = true}, [&] { spin_until_set(stop); });
        for (int round = 0; round < 20; ++round) {
            this_coroutine::yield();
        }
        this_coroutine::sleep_for(5ms);
        stop = true;
        loop.join();
    });
}

TEST(preemption, four_endless_loops_share_one_worker) {
    test::in_runtime(1, [] {
        std::atomic<bool> stop{false};
        std::vector<join_handle<std::uint64_t>> loops;
        for (int number = 0; number < 4; ++number) {
            loops.push_back(spawn({.name = "loop", .preemptible = true}, [&] {
                std::uint64_t rounds = 0;
                while (!stop.load(std::memory_order_relaxed)) {
                    ++rounds;
                }
                return rounds;
            }));
        }
        this_coroutine::sleep_for(300ms);
        stop = true;
        for (auto& each : loops) {
            EXPECT_GT(each.join(), 0u);
        }
    });
}

TEST(preemption, computes_the_same_under_storm) {
    const auto compute = [](std::uint64_t rounds) {
        std::uint64_t whole = 1;
        double real = 0.5;
        for (std::uint64_t round = 0; round < rounds; ++round) {
            whole = whole * 6364136223846793005u + 1442695040888963407u;
            real = real * 0.999 + static_cast<double>(whole >> 40) * 1e-9;
        }
        return std::pair(whole, real);
    };
    constexpr std::uint64_t rounds = 300'000'000;
    const auto expected = compute(rounds);
    runtime running(test::verified_storm(2));
    running.run([&] {
        std::vector<join_handle<std::pair<std::uint64_t, double>>> jobs;
        for (int number = 0; number < 6; ++number) {
            jobs.push_back(spawn({.preemptible = true}, [&] { return compute(rounds); }));
        }
        for (auto& each : jobs) {
            const auto found = each.join();
            EXPECT_EQ(found.first, expected.first);
            EXPECT_EQ(found.second, expected.second);
        }
    });
    test::print_attempts(running);
    EXPECT_GT(running.metrics().preemptions, 100u);
}

} // namespace
} // namespace moor
