#include <moor/wait_group.hpp>

#include <atomic>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class wait_group_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, wait_group_on, testing::Values(1u, 2u, 4u));

TEST_P(wait_group_on, waits_for_all_and_sees_what_they_wrote) {
    in_runtime(GetParam(), [] {
        wait_group pending;
        std::vector<int> written(200);
        for (int i = 0; i < 200; ++i) {
            pending.add();
            spawn([&, i] {
                this_coroutine::yield();
                written[static_cast<std::size_t>(i)] = i; // no atomic: done() publishes it
                pending.done();
            }).detach();
        }
        pending.wait();
        for (int i = 0; i < 200; ++i) {
            EXPECT_EQ(written[static_cast<std::size_t>(i)], i);
        }
        EXPECT_EQ(pending.count(), 0u);
        pending.wait(); // at once
    });
}

TEST_P(wait_group_on, wakes_every_waiter_and_can_be_used_again) {
    in_runtime(GetParam(), [] {
        wait_group pending(1);
        for (int round = 0; round < 50; ++round) {
            std::vector<join_handle<void>> waiting;
            for (int i = 0; i < 4; ++i) {
                waiting.push_back(spawn([&] { pending.wait(never_reached); }));
            }
            for (int turn = 0; turn < 8; ++turn) {
                this_coroutine::yield();
            }
            if (GetParam() == 1) {
                EXPECT_FALSE(waiting.front().done());
                pending.done();
                pending.add(); // the zero has been: those that waited return all the same
                for (auto& handle : waiting) {
                    handle.join(never_reached);
                }
            } else {
                pending.done();
                for (auto& handle : waiting) {
                    handle.join(never_reached);
                }
                pending.add();
            }
        }
        pending.done();
    });
}

TEST_P(wait_group_on, counting_below_zero_or_over_the_top_is_refused) {
    in_runtime(GetParam(), [] {
        wait_group pending;
        EXPECT_EQ(error_of([&] { pending.done(); }), std::errc::invalid_argument);
        pending.add(2);
        EXPECT_EQ(error_of([&] { pending.add(static_cast<std::size_t>(-1)); }), std::errc::value_too_large);
        EXPECT_EQ(pending.count(), 2u);
        pending.done();
        pending.done();
        EXPECT_EQ(error_of([&] { pending.done(); }), std::errc::invalid_argument);
    });
}

TEST_P(wait_group_on, deadline_token_and_stop_end_the_wait) {
    in_runtime(GetParam(), [] {
        wait_group pending(1);
        const auto began = steady::now();
        EXPECT_EQ(error_of([&] { pending.wait(15ms); }), std::errc::timed_out);
        EXPECT_GE(steady::now() - began, 15ms);
        std::stop_source source;
        auto by_token = spawn_blocked([&] {
            std::error_code error;
            EXPECT_FALSE(pending.wait(source.get_token(), error));
            return error;
        });
        auto by_stop = spawn_blocked([&] { return error_of([&] { pending.wait(); }); });
        source.request_stop();
        by_stop.request_stop();
        EXPECT_EQ(by_token.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_stop.join(never_reached), std::errc::operation_canceled);
        pending.done();
        pending.wait();
    });
}

// The owner frees the group the moment its wait returns, while the last done() may still be on its way out.
TEST_P(wait_group_on, may_be_destroyed_when_the_wait_returns) {
    in_runtime(GetParam(), [] {
        random_numbers random(5);
        for (int round = 0; round < 1'000; ++round) {
            auto pending = std::make_unique<wait_group>(2);
            for (int i = 0; i < 2; ++i) {
                spawn([unowned = pending.get()] { unowned->done(); }).detach();
            }
            if (random.below(2) == 0) {
                spin_for(std::chrono::nanoseconds(random.below(3'000)));
            }
            pending->wait();
            pending.reset();
        }
    });
}

TEST_P(wait_group_on, works_from_plain_threads) {
    runtime running(with_workers(GetParam()));
    wait_group pending;
    std::atomic<int> runs{0};
    for (int i = 0; i < 20; ++i) {
        pending.add();
        running
            .spawn([&] {
                ++runs;
                pending.done();
            })
            .detach();
    }
    std::error_code error;
    EXPECT_TRUE(pending.wait(never_reached, error));
    EXPECT_EQ(runs, 20);
    pending.add();
    EXPECT_FALSE(pending.wait(10ms, error));
    EXPECT_EQ(error, std::errc::timed_out);
    pending.done();
}

} // namespace
} // namespace moor
