#include <moor/once.hpp>

#include <atomic>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include <moor/semaphore.hpp>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class once_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, once_on, testing::Values(1u, 2u, 4u));

TEST_P(once_on, runs_once_and_nobody_returns_before_it_has_run) {
    in_runtime(GetParam(), [] {
        for (int round = 0; round < 50; ++round) {
            once loaded;
            int value = 0; // no atomic: call() publishes it
            int runs = 0;
            std::vector<join_handle<void>> callers;
            for (int i = 0; i < 10; ++i) {
                callers.push_back(spawn([&] {
                    loaded.call(
                        [&](int given) {
                            ++runs;
                            this_coroutine::yield();
                            value = given;
                        },
                        42);
                    EXPECT_EQ(value, 42);
                    EXPECT_TRUE(loaded.done());
                }));
            }
            for (auto& caller : callers) {
                caller.join(never_reached);
            }
            EXPECT_EQ(runs, 1);
        }
    });
}

TEST_P(once_on, an_exception_goes_to_its_caller_and_the_first_waiter_tries_again) {
    in_runtime(GetParam(), [] {
        once loaded;
        semaphore all_there(0);
        int tries = 0;
        std::vector<int> failed;
        std::vector<join_handle<bool>> callers;
        for (int i = 0; i < 4; ++i) {
            callers.push_back(spawn_blocked([&, i] {
                try {
                    loaded.call([&] {
                        const int now = ++tries;
                        if (now == 1) {
                            all_there.acquire();
                        }
                        if (now < 3) {
                            failed.push_back(i);
                            throw std::runtime_error("not yet");
                        }
                    });
                    return true;
                } catch (const std::runtime_error&) {
                    return false;
                }
            }));
        }
        all_there.release();
        int succeeded = 0;
        for (auto& caller : callers) {
            succeeded += caller.join(never_reached) ? 1 : 0;
        }
        EXPECT_EQ(tries, 3);
        EXPECT_EQ(succeeded, 2);
        EXPECT_EQ(failed, (std::vector<int>{0, 1}));
        EXPECT_TRUE(loaded.done());
        loaded.call([] { ADD_FAILURE() << "ran twice"; });
    });
}

TEST_P(once_on, an_exception_without_waiters_leaves_it_to_the_next_caller) {
    in_runtime(GetParam(), [] {
        once loaded;
        EXPECT_THROW(loaded.call([] { throw std::out_of_range("first"); }), std::out_of_range);
        EXPECT_FALSE(loaded.done());
        int runs = 0;
        loaded.call([&] { ++runs; });
        loaded.call_within(1ms, [&] { ++runs; });
        EXPECT_EQ(runs, 1);
    });
}

TEST_P(once_on, the_wait_for_another_can_be_limited) {
    in_runtime(GetParam(), [] {
        once loaded;
        semaphore end_of_run(0);
        auto slow = spawn_blocked([&] { loaded.call([&] { end_of_run.acquire(); }); });
        const auto not_run = [] { ADD_FAILURE() << "ran twice"; };
        EXPECT_EQ(error_of([&] { loaded.call_within(10ms, not_run); }), std::errc::timed_out);
        std::error_code error;
        EXPECT_FALSE(loaded.call_within(1ms, error, not_run));
        EXPECT_EQ(error, std::errc::timed_out);
        std::stop_source source;
        auto by_token =
            spawn_blocked([&] { return error_of([&] { loaded.call_within(source.get_token(), not_run); }); });
        auto by_stop = spawn_blocked([&] { return error_of([&] { loaded.call_within(never_reached, not_run); }); });
        auto plain = spawn_blocked([&] {
            loaded.call(not_run);
            return loaded.done();
        });
        source.request_stop();
        by_stop.request_stop();
        plain.request_stop();
        EXPECT_EQ(by_token.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_stop.join(never_reached), std::errc::operation_canceled);
        EXPECT_FALSE(loaded.done());
        end_of_run.release();
        EXPECT_TRUE(plain.join(never_reached));
        slow.join();
        EXPECT_TRUE(loaded.call_within(1ms, error, not_run));
        EXPECT_FALSE(error);
    });
}

TEST(once, works_from_plain_threads) {
    once loaded;
    std::atomic<int> runs{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
        callers.emplace_back([&] {
            loaded.call([&] {
                std::this_thread::sleep_for(10ms);
                ++runs;
            });
            EXPECT_EQ(runs, 1);
        });
    }
    for (std::thread& caller : callers) {
        caller.join();
    }
    EXPECT_EQ(runs, 1);
}

} // namespace
} // namespace moor
