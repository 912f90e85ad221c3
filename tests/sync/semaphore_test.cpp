#include <moor/semaphore.hpp>

#include <atomic>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class semaphore_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, semaphore_on, testing::Values(1u, 2u, 4u));

TEST_P(semaphore_on, bounds_how_many_are_inside) {
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> passed{0};
    in_runtime(GetParam(), [&] {
        semaphore slots(3);
        std::vector<join_handle<void>> running;
        for (int i = 0; i < 20; ++i) {
            running.push_back(spawn([&] {
                for (int round = 0; round < 100; ++round) {
                    slots.acquire();
                    const int now = ++inside;
                    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                    }
                    this_coroutine::yield();
                    until([&] { return most >= 3; }); // each may have been alone so far, on a worker of its own
                    --inside;
                    ++passed;
                    slots.release();
                }
            }));
        }
        for (auto& handle : running) {
            handle.join();
        }
        EXPECT_EQ(slots.available(), 3u);
    });
    EXPECT_EQ(most, 3);
    EXPECT_EQ(passed, 2'000);
}

TEST_P(semaphore_on, counts_units) {
    in_runtime(GetParam(), [] {
        semaphore units(5);
        EXPECT_TRUE(units.try_acquire(3));
        EXPECT_FALSE(units.try_acquire(3));
        EXPECT_EQ(units.available(), 2u);
        EXPECT_TRUE(units.try_acquire(2));
        EXPECT_FALSE(units.try_acquire());
        EXPECT_TRUE(units.try_acquire(0));
        units.release(5);
        EXPECT_EQ(units.available(), 5u);
        EXPECT_EQ(error_of([&] { units.release(semaphore::max_units); }), std::errc::value_too_large);
        EXPECT_EQ(units.available(), 5u);
    });
}

// The one that wants much came first: later ones that want little must not live on its units.
TEST_P(semaphore_on, does_not_starve_who_wants_many) {
    in_runtime(GetParam(), [] {
        semaphore units(0);
        std::string order;
        semaphore order_guard(1);
        const auto note = [&](char who) {
            order_guard.acquire();
            order.push_back(who);
            order_guard.release();
        };
        auto large = spawn_blocked([&] {
            units.acquire(3);
            note('L');
        });
        auto small = spawn_blocked([&] {
            units.acquire(1);
            note('s');
        });
        units.release(2);
        EXPECT_FALSE(units.try_acquire(1)) << "overtook those that wait";
        let_others_run();
        EXPECT_EQ(order, "");
        units.release(1);
        large.join(never_reached);
        let_others_run();
        EXPECT_EQ(order, "L");
        units.release(1);
        small.join(never_reached);
        EXPECT_EQ(order, "Ls");
        EXPECT_EQ(units.available(), 0u);
    });
}

TEST_P(semaphore_on, who_gives_up_lets_those_behind_it_go_on) {
    in_runtime(GetParam(), [] {
        semaphore units(1);
        auto large = spawn_blocked([&] {
            std::error_code error;
            units.acquire(2, never_reached, error);
            return error;
        });
        auto small = spawn_blocked([&] {
            std::error_code error;
            return units.acquire(never_reached, error);
        });
        EXPECT_FALSE(small.done());
        large.request_stop();
        EXPECT_EQ(large.join(), std::errc::operation_canceled);
        EXPECT_TRUE(small.join()) << "nobody served the one behind";
        EXPECT_EQ(units.available(), 0u);
    });
}

TEST_P(semaphore_on, one_release_serves_several) {
    in_runtime(GetParam(), [] {
        semaphore units(0);
        std::vector<join_handle<void>> waiting;
        for (int i = 0; i < 6; ++i) {
            waiting.push_back(spawn_blocked([&] { units.acquire(); }));
        }
        units.release(6);
        for (auto& handle : waiting) {
            handle.join(never_reached);
        }
        EXPECT_EQ(units.available(), 0u);
    });
}

TEST_P(semaphore_on, deadline_token_and_stop_end_the_wait) {
    in_runtime(GetParam(), [] {
        semaphore units(0);
        const auto began = steady::now();
        EXPECT_EQ(error_of([&] { units.acquire(15ms); }), std::errc::timed_out);
        EXPECT_GE(steady::now() - began, 15ms);
        std::stop_source source;
        auto by_token = spawn_blocked([&] { return error_of([&] { units.acquire(1, source.get_token()); }); });
        auto by_stop = spawn_blocked([&] { return error_of([&] { units.acquire(); }); });
        source.request_stop();
        by_stop.request_stop();
        EXPECT_EQ(by_token.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_stop.join(never_reached), std::errc::operation_canceled);
        units.release(2);
        auto stopped_before = spawn([&] {
            until([] { return this_coroutine::stop_requested(); });
            return error_of([&] { units.acquire(); });
        });
        stopped_before.request_stop();
        EXPECT_EQ(stopped_before.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(units.available(), 2u);
    });
}

TEST_P(semaphore_on, units_are_conserved_under_racing_deadlines) {
    semaphore units(4);
    std::atomic<long> inside{0};
    std::atomic<long> served{0};
    in_runtime(GetParam(), [&] {
        const work_guard thread_wakes;
        const auto work = [&](std::uint32_t stream) {
            random_numbers random(stream);
            for (int round = 0; round < 100; ++round) {
                const std::size_t wanted = 1 + random.below(4);
                std::error_code error;
                if (units.acquire(wanted, std::chrono::microseconds(random.below(2'000)), error)) {
                    EXPECT_LE(inside += static_cast<long>(wanted), 4);
                    random_delay(random);
                    inside -= static_cast<long>(wanted);
                    units.release(wanted);
                    ++served;
                }
            }
        };
        std::thread thread(work, 77);
        std::vector<join_handle<void>> running;
        for (std::uint32_t i = 0; i < 8; ++i) {
            running.push_back(spawn([&, i] { work(i); }));
        }
        for (auto& handle : running) {
            handle.join();
        }
        thread.join();
    });
    EXPECT_EQ(units.available(), 4u);
    EXPECT_GT(served, 0);
    EXPECT_LT(served, 9 * 100) << "no deadline ever passed";
    std::printf("served %ld of %d\n", served.load(), 9 * 100);
}

TEST(semaphore, works_between_plain_threads) {
    semaphore units(0);
    std::thread waiting([&] { units.acquire(2); });
    std::this_thread::sleep_for(5ms);
    units.release();
    std::this_thread::sleep_for(5ms);
    units.release();
    waiting.join();
    std::error_code error;
    EXPECT_FALSE(units.acquire(10ms, error));
    EXPECT_EQ(error, std::errc::timed_out);
}

} // namespace
} // namespace moor
