// A coroutine that keeps its worker for long keeps nobody waiting who could run elsewhere.
#include "sched/monitor.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/spin.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::spin_until;

class monitor_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, monitor_on, testing::Values(2u, 4u));

TEST_P(monitor_on, what_a_busy_coroutine_wakes_runs_elsewhere) {
    test::in_runtime(GetParam(), [] {
        for (int round = 0; round < 5; ++round) {
            test::signal wake;
            std::atomic<bool> awake{false};
            auto sleeper = spawn([&] {
                wake.wait();
                awake = true;
            });
            while (!wake.has_waiter()) {
                this_coroutine::yield();
            }
            wake.set();
            ASSERT_TRUE(spin_until([&] { return awake.load(); })) << "round " << round;
            sleeper.join();
        }
    });
}

// Short turns make the monitor's looks rarer; they must not end.
TEST_P(monitor_on, what_a_busy_coroutine_wakes_after_a_calm_while_runs_elsewhere) {
    test::in_runtime(GetParam(), [] {
        test::signal wake;
        std::atomic<bool> awake{false};
        auto sleeper = spawn([&] {
            wake.wait();
            awake = true;
        });
        while (!wake.has_waiter()) {
            this_coroutine::yield();
        }
        // Meanwhile the other workers fall asleep, too.
        const auto calm = 5 * sched::monitor::looks_until_calm * sched::monitor::longest_between_looks;
        for (const auto end = std::chrono::steady_clock::now() + calm; std::chrono::steady_clock::now() < end;) {
            this_coroutine::yield();
        }
        wake.set();
        ASSERT_TRUE(spin_until([&] { return awake.load(); }));
        sleeper.join();
    });
}

TEST_P(monitor_on, sleepers_of_a_busy_worker_wake_elsewhere) {
    test::in_runtime(GetParam(), [] {
        for (int round = 0; round < 5; ++round) {
            // All other workers are taken while the sleeper starts its timer, so that the timer is this worker's.
            const unsigned here = this_coroutine::worker();
            std::atomic<bool> occupied{true};
            std::atomic<unsigned> occupying{0};
            std::vector<join_handle<void>> occupants;
            for (unsigned other = 0; other < GetParam(); ++other) {
                if (other != here) {
                    occupants.push_back(spawn({.worker = other}, [&] {
                        occupying.fetch_add(1);
                        EXPECT_TRUE(spin_until([&] { return !occupied.load(); }));
                    }));
                }
            }
            ASSERT_TRUE(spin_until([&] { return occupying.load() == GetParam() - 1; }));
            bool asleep = false;
            std::atomic<bool> awake{false};
            auto sleeper = spawn([&] {
                asleep = true;
                this_coroutine::sleep_for(5ms);
                awake = true;
            });
            while (!asleep) {
                this_coroutine::yield();
            }
            occupied = false;
            ASSERT_TRUE(spin_until([&] { return awake.load(); })) << "round " << round;
            sleeper.join();
            for (auto& occupant : occupants) {
                occupant.join();
            }
        }
    });
}

// The monitor rests while everybody sleeps, and is there again when somebody wakes.
TEST(monitor, comes_back_after_a_rest) {
    runtime running(test::with_workers(2));
    for (int round = 0; round < 5; ++round) {
        std::this_thread::sleep_for(
            2 * sched::monitor::longest_between_looks); // makes a rest likely; nothing depends on it
        running.run([round] {
            test::signal wake;
            std::atomic<bool> awake{false};
            auto sleeper = spawn([&] {
                wake.wait();
                awake = true;
            });
            while (!wake.has_waiter()) {
                this_coroutine::yield();
            }
            wake.set();
            ASSERT_TRUE(spin_until([&] { return awake.load(); })) << "round " << round;
            sleeper.join();
        });
    }
}

TEST(monitor, gives_unused_segments_back_when_nothing_runs_for_long) {
    detail::runtime_core core(test::with_workers(1), &debug::make_runtime_reports);
    core.monitor.idle_before_trim = 20ms;
    core.segments.give(core.segments.take(stack::smallest_segment));
    ASSERT_NE(core.segments.counters().unused_chunks, 0u) << "it is kept at first";
    detail::launch(&core, {}, [] {}).join(); // the monitor wakes, and finds later that there is nothing to do
    EXPECT_TRUE(test::eventually([&] { return core.segments.counters().unused_chunks == 0; }));
}

} // namespace
} // namespace moor
