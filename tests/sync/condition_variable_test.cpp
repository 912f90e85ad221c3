#include <moor/condition_variable.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class condition_variable_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, condition_variable_on, testing::Values(1u, 2u, 4u));

TEST_P(condition_variable_on, notify_one_wakes_one_in_order_and_notify_all_the_rest) {
    in_runtime(GetParam(), [] {
        mutex guard;
        condition_variable changed;
        std::vector<int> order;
        std::vector<join_handle<void>> waiting;
        for (int i = 0; i < 5; ++i) {
            waiting.push_back(spawn_blocked([&, i] {
                std::unique_lock lock(guard);
                changed.wait(lock);
                EXPECT_TRUE(lock.owns_lock());
                order.push_back(i);
            }));
        }
        const auto woken = [&] {
            const std::lock_guard lock(guard);
            return order;
        };
        changed.notify_one();
        until([&] { return !woken().empty(); });
        let_others_run();
        EXPECT_EQ(woken(), (std::vector<int>{0}));
        changed.notify_one();
        until([&] { return woken().size() >= 2; });
        let_others_run();
        EXPECT_EQ(woken(), (std::vector<int>{0, 1}));
        changed.notify_all();
        for (auto& handle : waiting) {
            handle.join(never_reached);
        }
        EXPECT_THAT(woken(), testing::UnorderedElementsAre(0, 1, 2, 3, 4));
        changed.notify_one(); // nobody there
        changed.notify_all();
    });
}

TEST_P(condition_variable_on, has_the_mutex_again_however_the_wait_ends) {
    in_runtime(GetParam(), [] {
        mutex guard;
        condition_variable changed;
        std::unique_lock lock(guard);
        const auto began = steady::now();
        std::error_code error;
        EXPECT_FALSE(changed.wait(lock, 20ms, error));
        EXPECT_GE(steady::now() - began, 20ms);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_FALSE(spawn([&] { return guard.try_lock(); }).join());
        EXPECT_EQ(error_of([&] { changed.wait(lock, 1ms); }), std::errc::timed_out);
        EXPECT_EQ(error_of([&] { changed.wait(lock, 1ms, [] { return false; }); }), std::errc::timed_out);
        EXPECT_FALSE(spawn([&] { return guard.try_lock(); }).join());

        std::stop_source source;
        source.request_stop();
        EXPECT_FALSE(changed.wait(lock, source.get_token(), error));
        EXPECT_EQ(error, std::errc::operation_canceled);
        lock.unlock();

        auto stopped = spawn_blocked([&] {
            std::unique_lock mine(guard);
            const auto reason = error_of([&] { changed.wait(mine); });
            EXPECT_TRUE(mine.owns_lock());
            return reason;
        });
        lock.lock(); // the stopped one has to wait for it
        stopped.request_stop();
        let_others_run();
        EXPECT_FALSE(stopped.done());
        lock.unlock();
        EXPECT_EQ(stopped.join(never_reached), std::errc::operation_canceled);
    });
}

TEST_P(condition_variable_on, refuses_a_lock_that_is_not_held) {
    in_runtime(GetParam(), [] {
        mutex guard;
        condition_variable changed;
        std::unique_lock lock(guard, std::defer_lock);
        EXPECT_EQ(error_of([&] { changed.wait(lock); }), std::errc::operation_not_permitted);
    });
}

TEST_P(condition_variable_on, waits_for_its_predicate) {
    in_runtime(GetParam(), [] {
        mutex guard;
        condition_variable changed;
        int value = 0;
        int looks = 0;
        auto waiting = spawn_blocked([&] {
            std::unique_lock lock(guard);
            changed.wait(lock, [&] {
                ++looks;
                return value == 3;
            });
            return value;
        });
        for (int step = 1; step <= 3; ++step) {
            until([&] {
                const std::lock_guard lock(guard);
                return looks == step;
            });
            EXPECT_FALSE(waiting.done());
            {
                const std::lock_guard lock(guard);
                value = step;
            }
            changed.notify_one();
        }
        EXPECT_EQ(waiting.join(never_reached), 3);
        EXPECT_EQ(looks, 4);
        std::unique_lock lock(guard);
        std::error_code error;
        EXPECT_TRUE(changed.wait(
            lock, 1ms, [&] { return value == 3; }, error));
        EXPECT_FALSE(error);
        EXPECT_FALSE(changed.wait(
            lock, 1ms, [&] { return value == 4; }, error));
        EXPECT_EQ(error, std::errc::timed_out);
    });
}

// Whoever times out just when it is notified must not take the notification with it.
TEST_P(condition_variable_on, a_notification_is_not_lost_to_a_waiter_that_times_out) {
    int timed_out = 0;
    int notified = 0;
    in_runtime(GetParam(), [&] {
        random_numbers random;
        for (int round = 0; round < 120; ++round) {
            mutex guard;
            condition_variable changed;
            std::atomic<int> waiting{0};
            const auto limit = std::chrono::microseconds(random.below(3'000));
            auto impatient = spawn([&] {
                std::unique_lock lock(guard);
                ++waiting;
                std::error_code error;
                return changed.wait(lock, limit, error);
            });
            auto patient = spawn([&] {
                std::unique_lock lock(guard);
                ++waiting;
                std::error_code error;
                return changed.wait(lock, never_reached, error);
            });
            while (waiting < 2) {
                this_coroutine::yield();
            }
            { const std::lock_guard both_wait(guard); }
            this_coroutine::sleep_for(std::chrono::microseconds(random.below(3'000)));
            changed.notify_one();
            if (impatient.join()) {
                ++notified;
                changed.notify_one();
            } else {
                ++timed_out;
            }
            ASSERT_TRUE(patient.join()) << "round " << round;
        }
    });
    EXPECT_GT(timed_out, 0);
    EXPECT_GT(notified, 0);
    std::printf("timed out %d, notified %d\n", timed_out, notified);
}

TEST_P(condition_variable_on, bounded_buffer_passes_everything_on) {
    constexpr int producers = 4;
    constexpr int consumers = 4;
    constexpr int each = 500;
    long sum = 0;
    int taken = 0;
    in_runtime(GetParam(), [&] {
        mutex guard;
        condition_variable not_full;
        condition_variable not_empty;
        std::deque<int> buffer;
        std::vector<join_handle<void>> running;
        for (int p = 0; p < producers; ++p) {
            running.push_back(spawn([&, p] {
                for (int i = 0; i < each; ++i) {
                    std::unique_lock lock(guard);
                    not_full.wait(lock, [&] { return buffer.size() < 3; });
                    buffer.push_back(p * each + i);
                    not_empty.notify_one();
                }
            }));
        }
        for (int c = 0; c < consumers; ++c) {
            running.push_back(spawn([&] {
                for (int i = 0; i < producers * each / consumers; ++i) {
                    std::unique_lock lock(guard);
                    not_empty.wait(lock, [&] { return !buffer.empty(); });
                    sum += buffer.front();
                    ++taken;
                    buffer.pop_front();
                    not_full.notify_one();
                }
            }));
        }
        for (auto& handle : running) {
            handle.join();
        }
    });
    constexpr long all = long{producers} * each;
    EXPECT_EQ(taken, all);
    EXPECT_EQ(sum, all * (all - 1) / 2);
}

TEST_P(condition_variable_on, may_be_destroyed_once_all_are_notified) {
    in_runtime(GetParam(), [] {
        random_numbers random(3);
        for (int round = 0; round < 200; ++round) {
            mutex guard;
            auto changed = std::make_unique<condition_variable>();
            std::atomic<int> waiting{0};
            std::vector<join_handle<void>> running;
            for (int i = 0; i < 3; ++i) {
                const auto limit = std::chrono::microseconds(random.below(600));
                running.push_back(spawn([&, limit, unowned = changed.get()] {
                    std::unique_lock lock(guard);
                    ++waiting;
                    std::error_code error;
                    (void)unowned->wait(lock, limit, error);
                }));
            }
            while (waiting < 3) {
                this_coroutine::yield();
            }
            this_coroutine::sleep_for(std::chrono::microseconds(random.below(400)));
            {
                const std::lock_guard all_wait(guard);
                changed->notify_all();
            }
            changed.reset();
            for (auto& handle : running) {
                handle.join();
            }
        }
    });
}

TEST_P(condition_variable_on, works_between_plain_threads_and_coroutines) {
    in_runtime(GetParam(), [] {
        const work_guard thread_wakes;
        mutex guard;
        condition_variable changed;
        int turn = 0; // even: the coroutine's
        std::thread thread([&] {
            for (int round = 0; round < 100; ++round) {
                std::unique_lock lock(guard);
                changed.wait(lock, [&] { return turn % 2 == 1; });
                ++turn;
                changed.notify_one();
            }
        });
        for (int round = 0; round < 100; ++round) {
            std::unique_lock lock(guard);
            changed.wait(lock, [&] { return turn % 2 == 0; });
            ++turn;
            changed.notify_one();
        }
        thread.join();
        EXPECT_EQ(turn, 200);
    });
}

} // namespace
} // namespace moor
