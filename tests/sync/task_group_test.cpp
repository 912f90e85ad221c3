#include <moor/task_group.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <moor/channel.hpp>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

class task_group_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, task_group_on, testing::Values(1u, 2u, 4u));

// Sleeps until it is asked to stop; true when it was.
bool sleep_until_stopped() {
    std::error_code error;
    this_coroutine::sleep_for(never_reached, {}, error);
    return error == std::errc::operation_canceled;
}

TEST_P(task_group_on, joins_all_children) {
    in_runtime(GetParam(), [] {
        task_group group;
        std::vector<int> squares(100);
        int sum = 0;
        for (int i = 0; i < 100; ++i) {
            group.spawn({.name = "square"}, [&, i] {
                this_coroutine::yield();
                squares[static_cast<std::size_t>(i)] = i * i; // no atomic: wait() publishes it
            });
        }
        group.spawn([](std::unique_ptr<int> owned, int& target) { target += *owned; }, std::make_unique<int>(1),
                    std::ref(sum));
        group.wait();
        EXPECT_EQ(group.size(), 0u);
        EXPECT_EQ(sum, 1);
        for (int i = 0; i < 100; ++i) {
            EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
        }
        group.spawn([&] { squares[0] = 5; });
        group.wait();
        EXPECT_EQ(squares[0], 5);
    });
}

TEST_P(task_group_on, the_first_exception_stops_the_others_and_is_thrown) {
    in_runtime(GetParam(), [] {
        task_group group;
        std::atomic<int> stopped{0};
        for (int i = 0; i < 20; ++i) {
            group.spawn([&] { stopped += sleep_until_stopped() ? 1 : 0; });
        }
        let_others_run();
        group.spawn([] { throw std::runtime_error("first"); });
        try {
            group.wait(never_reached);
            ADD_FAILURE() << "wait returned";
        } catch (const std::runtime_error& caught) {
            EXPECT_STREQ(caught.what(), "first");
        }
        EXPECT_EQ(stopped, 20);
        EXPECT_EQ(group.size(), 0u);
        EXPECT_TRUE(group.is_stopping());
        EXPECT_EQ(error_of([&] { group.spawn([] {}); }), std::errc::operation_canceled);
        group.wait(); // the exception was thrown once
    });
}

// What a child owns is destroyed after its exception was noted, and may have to wait for that.
class waits_when_destroyed {
public:
    waits_when_destroyed(std::chrono::milliseconds duration, std::error_code& result)
        : duration_(duration), result_(&result) {}
    waits_when_destroyed(waits_when_destroyed&& other) noexcept
        : duration_(other.duration_), result_(std::exchange(other.result_, nullptr)) {}
    waits_when_destroyed& operator=(waits_when_destroyed&&) = delete;
    ~waits_when_destroyed() {
        if (result_ != nullptr) {
            this_coroutine::sleep_for(duration_, {}, *result_);
        }
    }

private:
    std::chrono::milliseconds duration_;
    std::error_code* result_;
};

TEST_P(task_group_on, a_failing_child_is_not_stopped_by_its_own_failure) {
    in_runtime(GetParam(), [] {
        std::error_code of_clean_up = std::make_error_code(std::errc::io_error);
        bool other_stopped = false;
        task_group group;
        group.spawn([&] {
            other_stopped = sleep_until_stopped();
            throw std::logic_error("later");
        });
        group.spawn([owned = waits_when_destroyed(5ms, of_clean_up)] {
            (void)owned;
            throw std::runtime_error("first");
        });
        EXPECT_THROW(group.wait(never_reached), std::runtime_error);
        EXPECT_EQ(of_clean_up, std::error_code());
        EXPECT_TRUE(other_stopped);
    });
}

TEST_P(task_group_on, a_failed_child_can_still_be_stopped) {
    in_runtime(GetParam(), [] {
        std::error_code of_clean_up;
        task_group group;
        group.spawn([owned = waits_when_destroyed(never_reached, of_clean_up)] {
            (void)owned;
            throw std::runtime_error("first");
        });
        until([&] { return group.is_stopping(); });
        let_others_run();
        EXPECT_EQ(group.size(), 1u);
        group.stop();
        EXPECT_THROW(group.wait(never_reached), std::runtime_error);
        EXPECT_EQ(of_clean_up, std::errc::operation_canceled);
    });
}

TEST_P(task_group_on, later_exceptions_and_ordinary_ends_are_dropped) {
    in_runtime(GetParam(), [] {
        task_group group;
        for (int i = 0; i < 10; ++i) {
            group.spawn([] { this_coroutine::sleep_for(never_reached); }); // throws operation_canceled when stopped
        }
        for (int i = 0; i < 5; ++i) {
            group.spawn([] {
                (void)sleep_until_stopped();
                throw std::logic_error("later");
            });
        }
        let_others_run();
        group.spawn([] { throw std::runtime_error("first"); });
        EXPECT_THROW(group.wait(never_reached), std::runtime_error);
        group.wait();

        task_group other;
        other.spawn([] { throw std::system_error(std::make_error_code(std::errc::operation_canceled)); });
        EXPECT_EQ(error_of([&] { other.wait(never_reached); }), std::errc::operation_canceled)
            << "nobody had asked this child to stop, so it has failed";
    });
}

TEST_P(task_group_on, spawn_delivers_the_failure_when_nobody_waited) {
    in_runtime(GetParam(), [] {
        task_group group;
        group.spawn([] { throw std::out_of_range("child"); });
        while (!group.is_stopping()) {
            this_coroutine::yield();
        }
        EXPECT_THROW(group.spawn([] {}), std::out_of_range);
        EXPECT_EQ(error_of([&] { group.spawn([] {}); }), std::errc::operation_canceled);
    });
}

TEST_P(task_group_on, destructor_stops_and_joins) {
    in_runtime(GetParam(), [] {
        std::atomic<int> ended{0};
        {
            task_group group;
            for (int i = 0; i < 30; ++i) {
                group.spawn([&] {
                    EXPECT_TRUE(sleep_until_stopped());
                    ++ended;
                });
            }
        }
        EXPECT_EQ(ended, 30);
        // Leaving by the owner's exception drops the children's.
        EXPECT_THROW(
            {
                task_group group;
                group.spawn([] {
                    (void)sleep_until_stopped();
                    throw std::logic_error("child");
                });
                let_others_run();
                throw std::runtime_error("owner");
            },
            std::runtime_error);
    });
}

TEST_P(task_group_on, owner_that_is_stopped_stops_and_joins_its_children) {
    in_runtime(GetParam(), [] {
        std::atomic<int> begun{0};
        std::atomic<int> ended{0};
        auto owner = spawn([&] {
            task_group group;
            for (int i = 0; i < 5; ++i) {
                group.spawn([&] {
                    ++begun;
                    EXPECT_TRUE(sleep_until_stopped());
                    const this_coroutine::stop_shield slow_end;
                    this_coroutine::sleep_for(5ms);
                    ++ended;
                });
            }
            const auto error = error_of([&] { group.wait(); });
            EXPECT_EQ(ended, 5) << "wait threw before the children had ended";
            return error;
        });
        until([&] { return begun == 5; });
        owner.request_stop();
        EXPECT_EQ(owner.join(never_reached), std::errc::operation_canceled);

        auto failing = spawn([] {
            task_group group;
            group.spawn([] {
                (void)sleep_until_stopped();
                throw std::runtime_error("child");
            });
            EXPECT_THROW(group.wait(), std::runtime_error);
        });
        let_others_run();
        failing.request_stop();
        failing.join(never_reached);
    });
}

TEST_P(task_group_on, deadline_lets_children_run_on_and_token_does_not) {
    in_runtime(GetParam(), [] {
        task_group group;
        std::atomic<int> stopped{0};
        group.spawn([&] { stopped += sleep_until_stopped() ? 1 : 0; });
        std::error_code error;
        EXPECT_FALSE(group.wait(10ms, error));
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(error_of([&] { group.wait(1ms); }), std::errc::timed_out);
        EXPECT_EQ(group.size(), 1u);
        EXPECT_FALSE(group.is_stopping());
        std::stop_source source;
        auto stopper = spawn([&] {
            this_coroutine::sleep_for(10ms);
            source.request_stop();
        });
        EXPECT_EQ(error_of([&] { group.wait(source.get_token()); }), std::errc::operation_canceled);
        EXPECT_EQ(stopped, 1);
        stopper.join();
    });
}

TEST_P(task_group_on, stop_reaches_children_that_have_not_begun) {
    in_runtime(GetParam(), [] {
        std::atomic<int> stopped{0};
        for (int round = 0; round < 50; ++round) {
            stopped = 0;
            task_group group;
            for (int i = 0; i < 20; ++i) {
                group.spawn([&] { stopped += sleep_until_stopped() ? 1 : 0; });
            }
            group.stop();
            group.wait(never_reached);
            ASSERT_EQ(stopped, 20);
        }
    });
}

TEST_P(task_group_on, children_may_add_children) {
    in_runtime(GetParam(), [] {
        task_group group;
        std::atomic<int> runs{0};
        struct tree {
            task_group& group;
            std::atomic<int>& runs;
            void grow(int depth) const {
                ++runs;
                if (depth > 0) {
                    for (int i = 0; i < 2; ++i) {
                        group.spawn([tree = *this, depth] { tree.grow(depth - 1); });
                    }
                }
            }
        };
        group.spawn([&] { tree{group, runs}.grow(9); });
        group.wait(never_reached);
        EXPECT_EQ(runs, 1023);
    });
}

// The callable's captures must be gone when wait() returns: they refer to the owner's locals.
TEST_P(task_group_on, captures_are_destroyed_before_wait_returns) {
    in_runtime(GetParam(), [] {
        struct slow_end {
            std::atomic<int>* ended;
            explicit slow_end(std::atomic<int>* counter) : ended(counter) {}
            slow_end(slow_end&& other) noexcept : ended(std::exchange(other.ended, nullptr)) {}
            ~slow_end() {
                if (ended != nullptr) {
                    spin_for(200us);
                    ++*ended;
                }
            }
        };
        for (int round = 0; round < 30; ++round) {
            std::atomic<int> ended{0};
            task_group group;
            for (int i = 0; i < 4; ++i) {
                group.spawn([captured = slow_end(&ended)] { this_coroutine::yield(); });
            }
            group.wait();
            ASSERT_EQ(ended, 4);
        }
    });
}

// A server's accept loop: one group for its whole life, and memory for the living sessions only.
TEST_P(task_group_on, finished_children_are_released_as_they_end) {
    runtime running(with_workers(GetParam()));
    running.run([&] {
        task_group group;
        std::atomic<int> runs{0};
        for (int i = 0; i < 20'000; ++i) {
            group.spawn([&] { ++runs; });
            if (i % 64 == 0) {
                while (group.size() > 64) {
                    this_coroutine::yield();
                }
            }
        }
        while (group.size() > 0) {
            this_coroutine::yield();
        }
        EXPECT_EQ(runs, 20'000);
        until([&] { return running.metrics().coroutines_alive <= 2; });
        EXPECT_LE(running.metrics().stacks_committed, 2'000u);
        group.wait();
    });
}

TEST_P(task_group_on, failures_race_with_ends_and_stops) {
    in_runtime(GetParam(), [] {
        random_numbers random(4);
        for (int round = 0; round < 200; ++round) {
            task_group group;
            std::atomic<int> ended{0};
            int started = 0;
            const bool fails = random.below(2) == 0;
            const auto child = [&](std::uint32_t number, std::uint32_t stream) {
                struct count {
                    std::atomic<int>& ended;
                    ~count() { ++ended; }
                } const at_end{ended};
                random_numbers own(stream);
                random_delay(own);
                if (fails && number % 5 == 0) {
                    throw std::runtime_error("failed");
                }
                if (number % 3 == 0) {
                    this_coroutine::sleep_for(std::chrono::microseconds(own.below(300)));
                }
            };
            bool caught = false;
            try {
                for (std::uint32_t i = 0; i < 12; ++i) {
                    group.spawn(child, i, random.below(1'000'000)); // throws when one has failed already
                    ++started;
                }
                random_delay(random);
                if (!fails && random.below(2) == 0) {
                    group.stop();
                }
                group.wait(never_reached);
            } catch (const std::runtime_error& failure) {
                caught = std::string_view(failure.what()) == "failed";
            }
            ASSERT_EQ(caught, fails);
            group.wait(never_reached);
            ASSERT_EQ(group.size(), 0u);
            ASSERT_EQ(ended, started);
        }
    });
}

TEST_P(task_group_on, works_from_plain_threads) {
    runtime running(with_workers(GetParam()));
    std::atomic<int> runs{0};
    {
        task_group group(running);
        for (int i = 0; i < 50; ++i) {
            group.spawn([&] { ++runs; });
        }
        group.wait();
        EXPECT_EQ(runs, 50);
        group.spawn([&] { runs += sleep_until_stopped() ? 1 : 0; });
        EXPECT_EQ(error_of([&] { group.wait(10ms); }), std::errc::timed_out);
    }
    EXPECT_EQ(runs, 51);
    task_group nowhere;
    EXPECT_EQ(error_of([&] { nowhere.spawn([] {}); }), std::errc::operation_not_permitted);
    EXPECT_EQ(nowhere.size(), 0u) << "a child that did not start is still counted";
    nowhere.wait();
}

} // namespace
} // namespace moor
