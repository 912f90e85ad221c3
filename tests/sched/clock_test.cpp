// Everything that is timed, by clocks that tick as they like: two readings may be equal however much happened between
// them (law 7).
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/channel.hpp>
#include <moor/condition_variable.hpp>
#include <moor/mutex.hpp>
#include <moor/preempt.hpp>
#include <moor/semaphore.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/timers.hpp"
#include "sched/turn_clock.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "support/test_clock.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::test_clock;

// ---- Coarse clocks -----------------------------------------------------------------------------------------------

class coarse_clock : public testing::TestWithParam<std::chrono::nanoseconds> {
protected:
    const test_clock clock = test_clock::ticking(GetParam());
};
INSTANTIATE_TEST_SUITE_P(sched, coarse_clock, testing::Values(100ns, 1ms, 16ms));

TEST_P(coarse_clock, ticks_as_it_says) {
    EXPECT_EQ(test_clock::now().time_since_epoch() % GetParam(), 0ns);
    EXPECT_EQ(detail::now().time_since_epoch() % GetParam(), 0ns);
}

// A deadline of a nanosecond is not over at the next reading, and all the same it comes.
TEST_P(coarse_clock, ends_waits_of_a_nanosecond) {
    test::in_runtime(2, [] {
        channel<int> silent(0);
        semaphore none(0);
        mutex lock;
        condition_variable never;
        for (int round = 0; round < 20; ++round) {
            std::error_code error;
            EXPECT_FALSE(silent.receive(1ns, error));
            EXPECT_EQ(error, std::errc::timed_out);
            EXPECT_FALSE(none.acquire(1ns, error));
            EXPECT_EQ(error, std::errc::timed_out);
            std::unique_lock guard(lock);
            EXPECT_FALSE(never.wait(guard, 1ns, error));
            EXPECT_EQ(error, std::errc::timed_out);
            guard.unlock();
            const auto before = test_clock::now();
            this_coroutine::sleep_for(1ns);
            EXPECT_GT(test_clock::now(), before) << "it slept by the library's clock";
        }
    });
}

TEST_P(coarse_clock, ends_waits_that_are_over_before_they_begin) {
    test::in_runtime(1, [] {
        channel<int> silent(0);
        for (const wait_limit& over : {wait_limit(0ns), wait_limit(-1h), wait_limit(test_clock::now())}) {
            std::error_code error;
            EXPECT_FALSE(silent.receive(over, error));
            EXPECT_EQ(error, std::errc::timed_out);
        }
        this_coroutine::sleep_for(0ns);
        this_coroutine::sleep_until(test_clock::now());
    });
}

TEST_P(coarse_clock, ends_io_of_a_nanosecond) {
    test::in_runtime(1, [] {
        test::tcp_pair both = test::make_tcp_pair();
        for (int round = 0; round < 10; ++round) {
            std::array<std::byte, 4> buffer{};
            std::error_code error;
            EXPECT_EQ(both.client.read_some(buffer, 1ns, error), 0u);
            EXPECT_EQ(error, std::errc::timed_out);
        }
    });
}

TEST_P(coarse_clock, ends_waits_of_plain_threads) {
    channel<int> silent(0);
    std::error_code error;
    for (int round = 0; round < 5; ++round) {
        EXPECT_FALSE(silent.receive(1ns, error));
        EXPECT_EQ(error, std::errc::timed_out);
        const auto before = test_clock::now();
        this_coroutine::sleep_for(3ms);
        EXPECT_GE(test_clock::now(), before + 3ms);
    }
}

// By that clock no timer is early, whatever its distance; and each comes.
TEST_P(coarse_clock, is_what_no_timer_is_early_by) {
    test::in_runtime(2, [] {
        std::vector<join_handle<void>> all;
        for (int index = 0; index < 200; ++index) {
            all.push_back(spawn([index] {
                const auto wanted = index * 137us + std::chrono::nanoseconds(index);
                const auto before = test_clock::now();
                this_coroutine::sleep_for(wanted);
                EXPECT_GE(test_clock::now() - before, wanted);
            }));
        }
        for (auto& each : all) {
            each.join();
        }
    });
}

// Two that compute share a worker with one that sleeps and one that only yields; all get on.
TEST_P(coarse_clock, shares_a_worker) {
    test::in_runtime(1, [] {
        std::atomic<bool> done{false};
        std::atomic<unsigned> turns{0};
        std::vector<join_handle<void>> busy;
        for (int index = 0; index < 2; ++index) {
            busy.push_back(spawn([&] {
                preemptible([&] {
                    while (!done) {
                        maybe_yield();
                    }
                });
            }));
        }
        busy.push_back(spawn([&] {
            while (!done) {
                ++turns;
                this_coroutine::yield();
            }
        }));
        for (int round = 0; round < 5; ++round) {
            const unsigned before = turns;
            this_coroutine::sleep_for(2ms);
            EXPECT_TRUE(test::eventually([&] { return turns != before; }));
        }
        done = true;
        for (auto& each : busy) {
            each.join();
        }
    });
}

// ---- A clock that stands still -----------------------------------------------------------------------------------

TEST(stopped_clock, fires_nothing) {
    const test_clock clock = test_clock::stopped();
    runtime running(test::with_workers(2));
    std::atomic<bool> fired{false};
    auto sleeper = running.spawn([&] {
        std::error_code error;
        this_coroutine::sleep_until(test_clock::now() + 1ns, {}, error);
        fired = !error;
    });
    std::this_thread::sleep_for(50ms);
    EXPECT_FALSE(fired);
    sleeper.request_stop();
    sleeper.join();
    EXPECT_FALSE(fired);
}

// The deadline and the next reading are equal.
TEST(stopped_clock, ends_waits_that_are_over) {
    const test_clock clock = test_clock::stopped();
    test::in_runtime(1, [] {
        channel<int> silent(0);
        test::tcp_pair both = test::make_tcp_pair();
        for (const wait_limit& over : {wait_limit(0ns), wait_limit(-1h), wait_limit(test_clock::now())}) {
            std::error_code error;
            EXPECT_FALSE(silent.receive(over, error));
            EXPECT_EQ(error, std::errc::timed_out);
            std::array<std::byte, 4> buffer{};
            EXPECT_EQ(both.client.read_some(buffer, over, error), 0u);
            EXPECT_EQ(error, std::errc::timed_out);
        }
        this_coroutine::sleep_for(0ns);
        this_coroutine::sleep_until(test_clock::now());
    });
}

TEST(stopped_clock, fires_all_in_order_when_it_moves_on) {
    test_clock clock = test_clock::stopped();
    runtime running(test::with_workers(1));
    constexpr int count = 200; // as many as a ring holds: more would go through two queues
    std::vector<int> order;    // one worker: nobody else writes
    std::atomic<int> sleeping{0};
    std::vector<join_handle<void>> all;
    for (int index = 0; index < count; ++index) {
        all.push_back(running.spawn([&, index] {
            const int place = index * 79 % count; // any order
            ++sleeping;
            this_coroutine::sleep_for(1s * (place + 1));
            order.push_back(place);
        }));
    }
    ASSERT_TRUE(test::eventually([&] { return sleeping == count; }));
    running.run([] {}); // behind the last of them
    clock.move_on(1h);
    for (auto& each : all) {
        each.join();
    }
    ASSERT_EQ(order.size(), std::size_t{count});
    for (int index = 0; index < count; ++index) {
        EXPECT_EQ(order[static_cast<std::size_t>(index)], index);
    }
}

TEST(stopped_clock, moves_to_the_very_deadline) {
    test_clock clock = test_clock::stopped();
    runtime running(test::with_workers(1));
    std::atomic<bool> sleeps{false};
    std::atomic<bool> fired{false};
    auto sleeper = running.spawn([&] {
        sleeps = true;
        this_coroutine::sleep_for(1h);
        fired = true;
    });
    ASSERT_TRUE(test::eventually([&] { return sleeps.load(); }));
    running.run([] {}); // behind the sleeper: it sleeps by now
    clock.move_on(1h - 1ms);
    std::this_thread::sleep_for(30ms);
    EXPECT_FALSE(fired) << "a millisecond early";
    clock.move_on(1ms + std::chrono::nanoseconds(std::int64_t{1} << sched::timers::tick_shift));
    sleeper.join();
    EXPECT_TRUE(fired);
}

TEST(stopped_clock, ends_waits_of_plain_threads_when_it_moves_on) {
    test_clock clock = test_clock::stopped();
    std::atomic<bool> ended{false};
    std::thread sleeper([&] {
        this_coroutine::sleep_for(1h);
        ended = true;
    });
    std::this_thread::sleep_for(30ms);
    EXPECT_FALSE(ended);
    clock.move_on(1h);
    sleeper.join();
    EXPECT_TRUE(ended);
}

// Whoever only yields keeps the worker busy, and no time passes in which its port would be looked at.
TEST(stopped_clock, does_not_stop_io) {
    const test_clock clock = test_clock::stopped();
    test::in_runtime(1, [] {
        test::tcp_pair both = test::make_tcp_pair();
        std::array<std::byte, 4> buffer{};
        bool read = false;
        auto reader = spawn([&] {
            both.client.read_exactly(buffer);
            read = true;
        });
        this_coroutine::yield();
        both.server.write(buffer);
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!read && std::chrono::steady_clock::now() < end) {
            this_coroutine::yield();
        }
        EXPECT_TRUE(read);
        reader.join();
    });
}

TEST(stopped_clock, does_not_stop_those_who_yield) {
    const test_clock clock = test_clock::stopped();
    test::in_runtime(1, [] {
        unsigned turns = 0;
        auto other = spawn([&] {
            for (int round = 0; round < 100'000; ++round) {
                ++turns;
                this_coroutine::yield();
            }
        });
        while (turns < 100'000) {
            this_coroutine::yield();
        }
        other.join();
    });
}

// The monitor gives unused memory back after ten seconds of that clock, and not of another.
TEST(stopped_clock, does_not_age_an_idle_runtime) {
    test_clock clock = test_clock::stopped();
    // A worker that wakes, even for nothing, ends the monitor's rest.
    const win::replaced_system_calls deep_sleep({.dequeue = win::real_system_calls.dequeue});
    detail::runtime_core core(test::with_workers(1), &debug::make_runtime_reports);
    core.segments.give(core.segments.take(stack::smallest_segment));
    detail::launch(&core, {}, [] {}).join();
    std::this_thread::sleep_for(100ms);
    EXPECT_NE(core.segments.counters().unused_chunks, 0u);
    clock.move_on(1h);
    EXPECT_TRUE(test::eventually([&] { return core.segments.counters().unused_chunks == 0; }));
}

// ---- Parts alone -------------------------------------------------------------------------------------------------

TEST(turn_clock_by_a_stopped_clock, never_finds_maintenance_due_unless_it_is_wanted) {
    const test_clock clock = test_clock::stopped();
    sched::turn_clock turns;
    static_cast<void>(turns.begin());
    turns.maintained();
    for (int turn = 0; turn < 1000; ++turn) {
        const std::uint32_t ended = turns.next();
        EXPECT_FALSE(turns.look_is_due(ended) && turns.look(ended));
    }
    EXPECT_EQ(turns.average(turns.turns(), test_clock::now()), 0ns);
    turns.maintain_soon();
    EXPECT_TRUE(turns.maintenance_is_due());
    const std::uint32_t ended = turns.next();
    EXPECT_TRUE(turns.look_is_due(ended));
    EXPECT_TRUE(turns.look(ended));
    turns.maintained();
    EXPECT_FALSE(turns.maintenance_is_due());
}

} // namespace
} // namespace moor
