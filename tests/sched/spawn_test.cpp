#include <moor/spawn.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

class spawn_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, spawn_on, testing::Values(1u, 2u, 4u));

TEST_P(spawn_on, returns_the_result) {
    test::in_runtime(GetParam(), [] {
        EXPECT_EQ(spawn([] { return 42; }).join(), 42);
        EXPECT_EQ(spawn([](int left, int right) { return left * right; }, 6, 7).join(), 42);
        EXPECT_EQ(*spawn([](std::unique_ptr<int> owned) { return owned; }, std::make_unique<int>(7)).join(), 7);
        int target = 1;
        int& same = spawn([&target]() -> int& { return target; }).join();
        EXPECT_EQ(&same, &target);
    });
}

TEST_P(spawn_on, carries_the_exception_to_join) {
    test::in_runtime(GetParam(), [] {
        auto failing = spawn([]() -> int { throw std::runtime_error("lost my way"); });
        try {
            failing.join();
            ADD_FAILURE() << "join returned";
        } catch (const std::runtime_error& caught) {
            EXPECT_STREQ(caught.what(), "lost my way");
        }
        EXPECT_FALSE(failing.joinable());
    });
}

TEST_P(spawn_on, the_runtime_carries_the_exception_of_main) {
    EXPECT_THROW(test::in_runtime(GetParam(), [] { throw std::out_of_range("main"); }), std::out_of_range);
}

TEST_P(spawn_on, ten_thousand_run_once_each) {
    std::atomic<int> runs{0};
    test::in_runtime(GetParam(), [&] {
        std::vector<join_handle<int>> handles;
        for (int number = 0; number < 10'000; ++number) {
            handles.push_back(spawn([&runs, number] {
                runs.fetch_add(1);
                return number;
            }));
        }
        for (int number = 0; number < 10'000; ++number) {
            EXPECT_EQ(handles[static_cast<std::size_t>(number)].join(), number);
        }
    });
    EXPECT_EQ(runs.load(), 10'000);
}

TEST_P(spawn_on, large_and_overaligned_bodies_keep_their_place) {
    struct alignas(64) block {
        std::array<char, 1000> bytes{};
    };
    test::in_runtime(GetParam(), [] {
        block given;
        given.bytes.fill('x');
        const auto seen = spawn([given] {
                              EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&given) % 64, 0u);
                              return given.bytes[999];
                          }).join();
        EXPECT_EQ(seen, 'x');
    });
}

TEST_P(spawn_on, the_callable_dies_with_the_coroutine_and_the_result_with_the_handle) {
    test::in_runtime(GetParam(), [] {
        const auto captured = std::make_shared<int>(1);
        const auto result = std::make_shared<int>(2);
        auto handle = spawn([captured, result] { return result; });
        while (!handle.done()) {
            this_coroutine::yield();
        }
        EXPECT_EQ(captured.use_count(), 1);
        EXPECT_EQ(result.use_count(), 2) << "kept for the joiner";
        handle.detach();
        EXPECT_EQ(result.use_count(), 1);
    });
}

TEST(spawn, a_plain_thread_joins) {
    runtime running(test::with_workers(1));
    auto handle = running.spawn([] {
        this_coroutine::sleep_for(5ms);
        return std::string("from afar");
    });
    EXPECT_EQ(handle.join(), "from afar");
}

TEST(spawn, join_keeps_its_deadline_on_both_sides) {
    runtime running(test::with_workers(1));
    std::atomic<bool> release{false};
    auto slow = running.spawn([&] {
        while (!release.load()) {
            this_coroutine::sleep_for(1ms);
        }
    });
    std::error_code error;
    EXPECT_FALSE(slow.wait(5ms, error));
    EXPECT_EQ(error, std::errc::timed_out);
    running.run([&] {
        std::error_code inside;
        EXPECT_FALSE(slow.wait(5ms, inside));
        EXPECT_EQ(inside, std::errc::timed_out);
    });
    release = true;
    slow.join();
}

TEST(spawn, join_ends_by_stop_token) {
    test::in_runtime(1, [] {
        std::stop_source source;
        std::atomic<bool> release{false};
        auto slow = spawn([&] {
            while (!release.load()) {
                this_coroutine::sleep_for(1ms);
            }
        });
        auto stopper = spawn([&] { source.request_stop(); });
        std::error_code error;
        EXPECT_FALSE(slow.wait(source.get_token(), error));
        EXPECT_EQ(error, std::errc::operation_canceled);
        release = true;
        slow.join();
        stopper.join();
    });
}

TEST(spawn, request_stop_ends_a_sleep_now_and_later_ones_too) {
    test::in_runtime(2, [] {
        auto sleeper = spawn([] {
            int interrupted = 0;
            for (int round = 0; round < 2; ++round) {
                try {
                    this_coroutine::sleep_for(1h);
                } catch (const std::system_error& stopped) {
                    EXPECT_EQ(stopped.code(), std::errc::operation_canceled);
                    ++interrupted;
                }
            }
            EXPECT_TRUE(this_coroutine::stop_requested());
            return interrupted;
        });
        this_coroutine::yield();
        sleeper.request_stop();
        EXPECT_EQ(sleeper.join(), 2);
    });
}

TEST(spawn, a_stopped_coroutine_that_nobody_joins_ends_quietly) {
    test::in_runtime(1, [] {
        auto sleeper = spawn([] { this_coroutine::sleep_for(1h); });
        this_coroutine::yield();
        sleeper.request_stop();
    });
}

TEST(spawn, a_shield_keeps_a_request_to_stop_off) {
    test::in_runtime(1, [] {
        auto shielded = spawn([] {
            const this_coroutine::stop_shield shield;
            this_coroutine::sleep_for(3ms);
            return this_coroutine::stop_requested();
        });
        this_coroutine::yield();
        shielded.request_stop();
        EXPECT_TRUE(shielded.join());
    });
}

TEST(spawn, joining_oneself_is_an_error) {
    test::in_runtime(1, [] {
        std::error_code error;
        join_handle<void> self;
        self = spawn([&] { self.wait({}, error); });
        std::error_code ignored;
        while (!self.done()) {
            this_coroutine::yield();
        }
        EXPECT_EQ(error, std::errc::resource_deadlock_would_occur);
    });
}

TEST(spawn, refuses_what_cannot_be) {
    EXPECT_THROW(spawn([] {}), std::system_error) << "outside a runtime";
    test::in_runtime(2, [] {
        EXPECT_THROW(spawn({.worker = 2u}, [] {}), std::system_error);
        EXPECT_THROW(spawn({.stack_size = std::size_t{1} << 40}, [] {}), std::system_error);
    });
}

TEST(spawn, a_body_whose_copy_throws_leaves_nothing_behind) {
    struct bomb {
        bomb() = default;
        bomb(const bomb&) { throw std::runtime_error("copy"); }
        void operator()() const {}
    };
    runtime running(test::with_workers(1));
    running.run([] {
        const bomb live;
        EXPECT_THROW(spawn(live), std::runtime_error);
    });
    EXPECT_EQ(running.metrics().coroutines_alive, 0u);
}

TEST(spawn, affinity_holds_across_suspensions) {
    test::in_runtime(4, [] {
        std::vector<join_handle<void>> handles;
        for (unsigned index = 0; index < 4; ++index) {
            handles.push_back(spawn({.name = "pinned", .worker = index}, [index] {
                for (int round = 0; round < 50; ++round) {
                    EXPECT_EQ(this_coroutine::worker(), index);
                    if (round % 10 == 0) {
                        this_coroutine::sleep_for(1ms);
                    } else {
                        this_coroutine::yield();
                    }
                }
            }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
}

TEST(spawn, names_and_ids) {
    test::in_runtime(1, [] {
        auto named = spawn({.name = "a name that is a little longer than thirty-one bytes"}, [] {
            EXPECT_EQ(this_coroutine::name(), "a name that is a little longer ");
            return this_coroutine::id();
        });
        const auto id = named.id();
        EXPECT_NE(id, 0u);
        EXPECT_NE(id, this_coroutine::id());
        EXPECT_EQ(named.join(), id);
    });
    EXPECT_FALSE(this_coroutine::exists());
    EXPECT_EQ(this_coroutine::id(), 0u);
}

} // namespace
} // namespace moor
