#include <moor/mutex.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class mutex_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, mutex_on, testing::Values(1u, 2u, 4u));

// The counter is no atomic, and the increment is torn apart by a suspension: any second owner shows.
TEST_P(mutex_on, lets_one_coroutine_in_at_a_time) {
    constexpr int coroutines = 50;
    constexpr int rounds = 200;
    mutex guard;
    long count = 0;
    in_runtime(GetParam(), [&] {
        std::vector<join_handle<void>> running;
        for (int i = 0; i < coroutines; ++i) {
            running.push_back(spawn([&, i] {
                for (int round = 0; round < rounds; ++round) {
                    const std::lock_guard lock(guard);
                    const long seen = count;
                    if ((round + i) % 4 == 0) {
                        this_coroutine::yield();
                    }
                    count = seen + 1;
                }
            }));
        }
        for (auto& handle : running) {
            handle.join();
        }
    });
    EXPECT_EQ(count, long{coroutines} * rounds);
}

TEST_P(mutex_on, uncontended_increments_add_up) {
    constexpr int rounds = 20'000;
    mutex guard;
    long count = 0;
    in_runtime(GetParam(), [&] {
        std::vector<join_handle<void>> running;
        for (int i = 0; i < 8; ++i) {
            running.push_back(spawn([&] {
                for (int round = 0; round < rounds; ++round) {
                    const std::lock_guard lock(guard);
                    ++count;
                }
            }));
        }
        for (auto& handle : running) {
            handle.join();
        }
    });
    EXPECT_EQ(count, 8L * rounds);
}

// A CRITICAL_SECTION would let the second coroutine of the worker in.
TEST(mutex, is_owned_by_a_coroutine_not_by_its_worker) {
    in_runtime(1, [] {
        mutex guard;
        const std::lock_guard lock(guard);
        EXPECT_FALSE(spawn([&] { return guard.try_lock(); }).join());
        EXPECT_FALSE(guard.try_lock());
    });
}

TEST_P(mutex_on, is_handed_over_in_the_order_of_arrival_and_nobody_overtakes) {
    in_runtime(GetParam(), [] {
        mutex guard;
        std::vector<int> order;
        std::vector<join_handle<void>> waiting;
        guard.lock();
        for (int i = 0; i < 5; ++i) {
            waiting.push_back(spawn_blocked([&, i] {
                const std::lock_guard lock(guard);
                order.push_back(i);
            }));
        }
        guard.unlock();
        EXPECT_FALSE(guard.try_lock()) << "the one who unlocked was faster than the one it was handed to";
        for (auto& handle : waiting) {
            handle.join();
        }
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
    });
}

// 64-bit nanoseconds end in the year 2262: reckoned with them, this time is past.
TEST_P(mutex_on, waits_until_the_year_3000) {
    in_runtime(GetParam(), [] {
        mutex guard;
        guard.lock();
        auto waiting = spawn_blocked([&] {
            const std::chrono::sys_days when(std::chrono::year{3000} / 1 / 1);
            const bool mine = guard.try_lock_until(when);
            if (mine) {
                guard.unlock();
            }
            return mine;
        });
        guard.unlock();
        EXPECT_TRUE(waiting.join());
    });
}

TEST_P(mutex_on, gives_up_at_the_deadline) {
    in_runtime(GetParam(), [] {
        mutex guard;
        guard.lock();
        spawn([&] {
            const auto began = steady::now();
            EXPECT_FALSE(guard.try_lock_for(20ms));
            EXPECT_GE(steady::now() - began, 20ms);
            EXPECT_FALSE(guard.try_lock_until(std::chrono::system_clock::now() + 5ms));
            EXPECT_FALSE(guard.try_lock_until(steady::now() - 1s));
            std::error_code error;
            EXPECT_FALSE(guard.lock(5ms, error));
            EXPECT_EQ(error, std::errc::timed_out);
            EXPECT_EQ(error_of([&] { guard.lock(5ms); }), std::errc::timed_out);
        }).join();
        guard.unlock();
        EXPECT_TRUE(guard.try_lock_for(never_reached));
        guard.unlock();
        std::unique_lock lock(guard, 5ms); // the standard's own holders
        EXPECT_TRUE(lock.owns_lock());
    });
}

TEST_P(mutex_on, gives_up_by_stop_token) {
    in_runtime(GetParam(), [] {
        mutex guard;
        guard.lock();
        std::stop_source source;
        auto waiting = spawn_blocked([&] {
            std::error_code error;
            EXPECT_FALSE(guard.lock(source.get_token(), error));
            return error;
        });
        EXPECT_FALSE(waiting.done());
        source.request_stop();
        EXPECT_EQ(waiting.join(never_reached), std::errc::operation_canceled);
        guard.unlock();
        std::error_code error;
        EXPECT_FALSE(guard.lock(source.get_token(), error)) << "a stopped token counts even when the mutex is free";
        EXPECT_EQ(error, std::errc::operation_canceled);
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
    });
}

TEST_P(mutex_on, plain_lock_outlasts_a_request_to_stop_and_the_limited_one_does_not) {
    in_runtime(GetParam(), [] {
        mutex guard;
        guard.lock();
        std::atomic<bool> owned{false};
        auto plain = spawn_blocked([&] {
            guard.lock();
            owned = true;
            guard.unlock();
        });
        auto timed = spawn_blocked([&] { return guard.try_lock_for(30ms); });
        auto limited = spawn_blocked([&] { return error_of([&] { guard.lock(never_reached); }); });
        auto shielded = spawn_blocked([&] {
            const this_coroutine::stop_shield shield;
            return error_of([&] { guard.lock(30ms); });
        });
        plain.request_stop();
        timed.request_stop();
        limited.request_stop();
        shielded.request_stop();
        EXPECT_EQ(limited.join(never_reached), std::errc::operation_canceled);
        EXPECT_FALSE(timed.join());
        EXPECT_EQ(shielded.join(never_reached), std::errc::timed_out);
        let_others_run();
        EXPECT_FALSE(owned);
        guard.unlock();
        plain.join(never_reached);
        EXPECT_TRUE(owned);
    });
}

TEST_P(mutex_on, is_shared_with_plain_threads) {
    constexpr int rounds = 2'000;
    mutex guard;
    long count = 0;
    in_runtime(GetParam(), [&] {
        const work_guard threads_wake;
        const auto work = [&] {
            for (int round = 0; round < rounds; ++round) {
                const std::lock_guard lock(guard);
                const long seen = count;
                if (round % 16 == 0) {
                    this_coroutine::yield();
                }
                count = seen + 1;
            }
        };
        std::thread first(work);
        std::thread second(work);
        auto third = spawn(work);
        auto fourth = spawn(work);
        third.join();
        fourth.join();
        first.join();
        second.join();
    });
    EXPECT_EQ(count, 4L * rounds);
}

TEST(mutex, works_without_any_runtime) {
    mutex guard;
    guard.lock();
    std::thread other([&] {
        EXPECT_FALSE(guard.try_lock_for(10ms));
        std::stop_source source;
        source.request_stop();
        std::error_code error;
        EXPECT_FALSE(guard.lock(source.get_token(), error));
        EXPECT_EQ(error, std::errc::operation_canceled);
        guard.lock();
        guard.unlock();
    });
    std::this_thread::sleep_for(30ms);
    guard.unlock();
    other.join();
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
}

// Deadlines that pass about when the mutex is handed over: it is lost to nobody and owned by one at a time.
TEST_P(mutex_on, deadlines_race_with_the_hand_over) {
    mutex guard;
    long count = 0;
    std::atomic<long> successes{0};
    std::atomic<long> time_outs{0};
    in_runtime(GetParam(), [&] {
        std::vector<join_handle<void>> running;
        for (std::uint32_t i = 0; i < 12; ++i) {
            running.push_back(spawn([&, i] {
                random_numbers random(i);
                for (int round = 0; round < 60; ++round) {
                    if (guard.try_lock_for(std::chrono::microseconds(random.below(3'000)))) {
                        const long seen = count;
                        random_delay(random);
                        count = seen + 1;
                        guard.unlock();
                        ++successes;
                    } else {
                        ++time_outs;
                    }
                }
            }));
        }
        for (auto& handle : running) {
            handle.join();
        }
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
    });
    EXPECT_EQ(count, successes);
    EXPECT_EQ(successes + time_outs, 12 * 60);
    EXPECT_GT(time_outs, 0);
    std::printf("locked %ld, timed out %ld\n", successes.load(), time_outs.load());
}

// unlock() must not touch the mutex once the next owner runs.
TEST_P(mutex_on, may_be_destroyed_by_the_next_owner) {
    in_runtime(GetParam(), [] {
        for (int round = 0; round < 500; ++round) {
            auto* const guard = new mutex;
            guard->lock();
            auto next = spawn([guard] {
                guard->lock();
                guard->unlock();
                delete guard;
            });
            if (round % 2 == 0) {
                this_coroutine::yield();
            }
            guard->unlock();
            next.join();
        }
    });
}

TEST_P(mutex_on, scoped_lock_takes_several) {
    mutex first;
    mutex second;
    long count = 0;
    in_runtime(GetParam(), [&] {
        auto other = spawn([&] {
            for (int round = 0; round < 1'000; ++round) {
                const std::scoped_lock both(first, second);
                ++count;
            }
        });
        for (int round = 0; round < 1'000; ++round) {
            const std::scoped_lock both(second, first);
            ++count;
        }
        other.join();
    });
    EXPECT_EQ(count, 2'000);
}

} // namespace
} // namespace moor
