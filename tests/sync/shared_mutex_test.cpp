#include <moor/mutex.hpp>
#include <moor/shared_mutex.hpp>

#include <atomic>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class shared_mutex_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, shared_mutex_on, testing::Values(1u, 2u, 4u));

TEST_P(shared_mutex_on, readers_see_no_half_written_pair) {
    shared_mutex guard;
    long left = 0;
    long right = 0;
    std::atomic<int> inside{0};
    std::atomic<int> most_inside{0};
    // All of them begin together: one that comes alone may be through before the next is spawned.
    constexpr int writers = 4;
    constexpr int readers = 12;
    std::atomic<int> present{0};
    const auto meet = [&] {
        for (++present; present < writers + readers;) {
            this_coroutine::yield();
        }
    };
    in_runtime(GetParam(), [&] {
        std::vector<join_handle<void>> running;
        for (int i = 0; i < writers; ++i) {
            running.push_back(spawn([&] {
                meet();
                for (int round = 0; round < 300; ++round) {
                    const std::unique_lock lock(guard);
                    EXPECT_EQ(inside, 0);
                    ++left;
                    this_coroutine::yield();
                    ++right;
                }
            }));
        }
        for (int i = 0; i < readers; ++i) {
            running.push_back(spawn([&] {
                meet();
                for (int round = 0; round < 300; ++round) {
                    const std::shared_lock lock(guard);
                    const int now = ++inside;
                    for (int most = most_inside; most < now && !most_inside.compare_exchange_weak(most, now);) {
                    }
                    const long seen = left;
                    this_coroutine::yield();
                    EXPECT_EQ(seen, right);
                    --inside;
                }
            }));
        }
        for (auto& handle : running) {
            handle.join();
        }
    });
    EXPECT_EQ(left, writers * 300);
    EXPECT_EQ(right, writers * 300);
    EXPECT_GT(most_inside, 1) << "readers never shared";
}

TEST_P(shared_mutex_on, try_forms_follow_the_modes) {
    in_runtime(GetParam(), [] {
        shared_mutex guard;
        EXPECT_TRUE(guard.try_lock_shared());
        EXPECT_TRUE(guard.try_lock_shared());
        EXPECT_FALSE(guard.try_lock());
        guard.unlock_shared();
        EXPECT_FALSE(guard.try_lock());
        guard.unlock_shared();
        EXPECT_TRUE(guard.try_lock());
        EXPECT_FALSE(spawn([&] { return guard.try_lock_shared(); }).join());
        EXPECT_FALSE(spawn([&] { return guard.try_lock(); }).join());
        guard.unlock();
        EXPECT_TRUE(guard.try_lock_shared_for(1ms));
        EXPECT_FALSE(spawn([&] { return guard.try_lock_for(1ms); }).join());
        guard.unlock_shared();
    });
}

// W waits while a reader is in: later readers queue behind it, and then get in together.
TEST_P(shared_mutex_on, serves_in_order_and_lets_neighbouring_readers_in_together) {
    in_runtime(GetParam(), [] {
        shared_mutex guard;
        std::atomic<int> readers{0};
        std::string order; // written by owners only, see below
        mutex order_guard;
        const auto note = [&](char who) {
            const std::lock_guard lock(order_guard);
            order.push_back(who);
        };
        guard.lock_shared();
        auto writer = spawn_blocked([&] {
            const std::unique_lock lock(guard);
            note('w');
        });
        EXPECT_FALSE(guard.try_lock_shared()) << "a reader overtook the waiting writer";
        std::vector<join_handle<void>> behind;
        std::atomic<bool> together{false};
        for (int i = 0; i < 2; ++i) {
            behind.push_back(spawn_blocked([&] {
                const std::shared_lock lock(guard);
                note('r');
                if (++readers == 2) {
                    together = true;
                }
                const auto until = steady::now() + 10s;
                while (!together && steady::now() < until) {
                    this_coroutine::sleep_for(1ms);
                }
            }));
        }
        auto last = spawn_blocked([&] {
            const std::unique_lock lock(guard);
            note('w');
        });
        EXPECT_EQ(order, "");
        guard.unlock_shared();
        writer.join();
        for (auto& handle : behind) {
            handle.join();
        }
        last.join();
        EXPECT_EQ(order, "wrrw");
        EXPECT_TRUE(together);
    });
}

TEST_P(shared_mutex_on, a_writer_that_gives_up_lets_the_readers_behind_it_in) {
    in_runtime(GetParam(), [] {
        shared_mutex guard;
        guard.lock_shared();
        auto writer = spawn_blocked([&] { return error_of([&] { guard.lock(never_reached); }); });
        auto reader = spawn_blocked([&] {
            std::error_code error;
            const bool mine = guard.lock_shared(never_reached, error);
            if (mine) {
                guard.unlock_shared();
            }
            return mine;
        });
        EXPECT_FALSE(reader.done());
        writer.request_stop();
        EXPECT_EQ(writer.join(), std::errc::operation_canceled);
        EXPECT_TRUE(reader.join()) << "nobody let the reader in";
        guard.unlock_shared();
    });
}

TEST_P(shared_mutex_on, deadline_token_and_stop_end_both_modes) {
    in_runtime(GetParam(), [] {
        shared_mutex guard;
        guard.lock();
        std::stop_source source;
        auto by_token = spawn_blocked([&] {
            std::error_code error;
            guard.lock_shared(source.get_token(), error);
            return error;
        });
        auto by_stop = spawn_blocked([&] { return error_of([&] { guard.lock(never_reached); }); });
        auto by_stop_shared = spawn_blocked([&] { return error_of([&] { guard.lock_shared(never_reached); }); });
        auto by_time = spawn_blocked([&] { return error_of([&] { guard.lock_shared(10ms); }); });
        auto plain = spawn_blocked([&] {
            guard.lock_shared();
            guard.unlock_shared();
            return true;
        });
        source.request_stop();
        by_stop.request_stop();
        by_stop_shared.request_stop();
        plain.request_stop();
        EXPECT_EQ(by_token.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_stop.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_stop_shared.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_time.join(never_reached), std::errc::timed_out);
        let_others_run();
        EXPECT_FALSE(plain.done());
        guard.unlock();
        EXPECT_TRUE(plain.join(never_reached));
    });
}

TEST_P(shared_mutex_on, is_shared_with_plain_threads_under_racing_deadlines) {
    shared_mutex guard;
    long count = 0;
    std::atomic<long> writes{0};
    in_runtime(GetParam(), [&] {
        const work_guard threads_wake;
        const auto work = [&](std::uint32_t stream) {
            random_numbers random(stream);
            for (int round = 0; round < 100; ++round) {
                const auto limit = std::chrono::microseconds(random.below(2'000));
                if (random.below(2) == 0) {
                    if (guard.try_lock_for(limit)) {
                        const long seen = count;
                        random_delay(random);
                        count = seen + 1;
                        guard.unlock();
                        ++writes;
                    }
                } else if (guard.try_lock_shared_for(limit)) {
                    const long seen = count;
                    random_delay(random);
                    EXPECT_EQ(count, seen);
                    guard.unlock_shared();
                }
            }
        };
        std::thread thread(work, 99);
        std::vector<join_handle<void>> running;
        for (std::uint32_t i = 0; i < 6; ++i) {
            running.push_back(spawn([&, i] { work(i); }));
        }
        for (auto& handle : running) {
            handle.join();
        }
        thread.join();
    });
    EXPECT_EQ(count, writes);
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
}

} // namespace
} // namespace moor
