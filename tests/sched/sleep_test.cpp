// Timers as coroutines see them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "support/eventually.hpp"
#include "support/machine_delay.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class sleep_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, sleep_on, testing::Values(1u, 2u, 4u));

TEST_P(sleep_on, nobody_wakes_early) {
    const std::uint32_t seed = test::test_seed();
    test::in_runtime(GetParam(), [seed] {
        std::vector<join_handle<void>> sleepers;
        for (unsigned number = 0; number < 200; ++number) {
            sleepers.push_back(spawn([random = std::minstd_rand(seed + number)]() mutable {
                for (int round = 0; round < 20; ++round) {
                    const auto until = steady::now() + std::chrono::microseconds(random() % 5000);
                    this_coroutine::sleep_until(until);
                    ASSERT_GE(steady::now(), until);
                }
            }));
        }
        for (auto& sleeper : sleepers) {
            sleeper.join();
        }
    });
}

// The best of many: what the machine does beside this test makes some of them late.
TEST_P(sleep_on, an_idle_worker_is_hardly_late) {
    const test::machine_delay machine;
    test::in_runtime(GetParam(), [&machine] {
        auto least = steady::duration::max();
        for (int round = 0; round < 50; ++round) {
            const auto until = steady::now() + 2ms;
            this_coroutine::sleep_until(until);
            least = std::min(least, steady::now() - until);
        }
        EXPECT_LT(least, 10ms + machine.longest());
    });
}

TEST_P(sleep_on, ten_thousand_sleep_at_once) {
    const std::uint32_t seed = test::test_seed();
    constexpr unsigned count = 10'000;
    std::atomic<unsigned> early{0};
    std::atomic<unsigned> awake{0};
    test::in_runtime(GetParam(), [&] {
        std::minstd_rand random(seed);
        std::vector<join_handle<void>> sleepers;
        const auto base = steady::now() + 100ms;
        for (unsigned number = 0; number < count; ++number) {
            const auto until = base + std::chrono::microseconds(random() % 400'000);
            sleepers.push_back(spawn([&, until] {
                this_coroutine::sleep_until(until);
                early.fetch_add(steady::now() < until ? 1 : 0);
                awake.fetch_add(1);
            }));
        }
        for (auto& sleeper : sleepers) {
            sleeper.join();
        }
    });
    EXPECT_EQ(awake.load(), count);
    EXPECT_EQ(early.load(), 0u);
}

TEST(sleep, until_the_past_is_no_sleep) {
    test::in_runtime(1, [] {
        bool other_ran = false;
        auto other = spawn([&] { other_ran = true; });
        this_coroutine::sleep_until(steady::now() - 1h);
        this_coroutine::sleep_until(steady::time_point{});
        this_coroutine::sleep_for(0ms);
        this_coroutine::sleep_for(-1h);
        EXPECT_FALSE(other_ran);
        other.join();
    });
}

TEST(sleep, for_ever_ends_by_a_request_to_stop) {
    test::in_runtime(1, [] {
        auto sleeper = spawn([] { this_coroutine::sleep_for(std::chrono::hours::max()); });
        auto other = spawn([] { this_coroutine::sleep_until(steady::time_point::max()); });
        this_coroutine::yield();
        sleeper.request_stop();
        other.request_stop();
        EXPECT_THROW(sleeper.join(), std::system_error);
        EXPECT_THROW(other.join(), std::system_error);
    });
}

TEST(sleep, a_limit_ends_it_under_its_own_name) {
    test::in_runtime(2, [] {
        std::error_code error = std::make_error_code(std::errc::io_error);
        this_coroutine::sleep_for(1ms, {}, error);
        EXPECT_FALSE(error);
        this_coroutine::sleep_for(1ms, 1h, error);
        EXPECT_FALSE(error);
        this_coroutine::sleep_for(1h, 1ms, error);
        EXPECT_EQ(error, std::errc::timed_out);
        std::stop_source source;
        auto stopper = spawn([&] { source.request_stop(); });
        this_coroutine::sleep_for(1h, source.get_token(), error);
        EXPECT_EQ(error, std::errc::operation_canceled);
        this_coroutine::sleep_for(1ms, source.get_token(), error);
        EXPECT_EQ(error, std::errc::operation_canceled) << "stopped before";
        stopper.join();
    });
}

TEST(sleep, a_plain_thread_sleeps_too) {
    const auto until = steady::now() + 3ms;
    this_coroutine::sleep_until(until);
    EXPECT_GE(steady::now(), until);
    std::stop_source source;
    source.request_stop();
    std::error_code error;
    this_coroutine::sleep_for(1h, source.get_token(), error);
    EXPECT_EQ(error, std::errc::operation_canceled);
}

// Timers are started on the worker that the coroutine sleeps on, and cancelled on the one that it wakes on.
TEST(sleep, a_cancelled_timer_is_gone_whichever_worker_cancels) {
    const std::uint32_t seed = test::test_seed();
    detail::runtime_core core(test::with_workers(4), &debug::make_runtime_reports);
    std::vector<join_handle<void>> sleepers;
    std::atomic<unsigned> ended{0};
    for (unsigned number = 0; number < 64; ++number) {
        sleepers.push_back(detail::launch(&core, {}, [&ended, random = std::minstd_rand(seed + number)]() mutable {
            for (int round = 0; round < 50; ++round) {
                std::stop_source source;
                auto stopper = spawn([&source] { source.request_stop(); });
                std::error_code error;
                // Some expire at about the moment of the stop.
                this_coroutine::sleep_for(random() % 2 == 0 ? 1h : std::chrono::microseconds(random() % 100),
                                          source.get_token(), error);
                stopper.join();
                ended.fetch_add(1);
            }
        }));
    }
    for (auto& sleeper : sleepers) {
        sleeper.join();
    }
    EXPECT_EQ(ended.load(), 64u * 50u);
    for (const auto& worker : core.workers) {
        EXPECT_EQ(worker->timers_running(), 0u);
    }
}

TEST(sleep, shutdown_wakes_a_thousand_sleepers) {
    runtime running(test::with_workers(2));
    std::atomic<unsigned> begun{0};
    std::atomic<unsigned> cancelled{0};
    for (unsigned number = 0; number < 1000; ++number) {
        running.spawn([&] {
            begun.fetch_add(1);
            try {
                this_coroutine::sleep_for(1h);
            } catch (const std::system_error& stopped) {
                cancelled.fetch_add(stopped.code() == std::errc::operation_canceled ? 1 : 0);
            }
        });
    }
    ASSERT_TRUE(test::eventually([&] { return begun.load() == 1000; }));
    running.shutdown();
    EXPECT_EQ(cancelled.load(), 1000u);
}

} // namespace
} // namespace moor
