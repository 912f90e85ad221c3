#include <moor/spawn.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal.hpp"
#include "support/eventually.hpp"
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

// None is forgotten: a handle has one result, and may have any number of waiters.
TEST(spawn, all_who_wait_for_an_end_wake) {
    for (const unsigned workers : {1u, 4u}) {
        test::in_runtime(workers, [] {
            constexpr int waiting = 5;
            test::signal go;
            auto worked = spawn([&] {
                go.wait();
                return 7;
            });
            std::atomic<int> begun{0};
            std::atomic<int> ended{0};
            std::vector<join_handle<void>> waiters;
            for (int number = 0; number < waiting; ++number) {
                waiters.push_back(spawn([&] {
                    ++begun;
                    std::error_code error;
                    EXPECT_TRUE(worked.wait({}, error)) << error.message();
                    ++ended;
                }));
            }
            std::error_code late;
            EXPECT_FALSE(worked.wait(1ms, late)) << "one that gives up leaves the others in";
            EXPECT_EQ(late, std::errc::timed_out);
            while (begun != waiting) {
                this_coroutine::yield();
            }
            EXPECT_EQ(ended, 0);
            go.set();
            for (auto& each : waiters) {
                each.join();
            }
            EXPECT_EQ(ended, waiting);
            EXPECT_EQ(worked.join(), 7);
        });
    }
}

TEST(spawn, of_several_joins_one_gets_the_result) {
    test::in_runtime(4, [] {
        constexpr int joining = 4;
        test::signal go;
        auto worked = spawn([&] {
            go.wait();
            return std::make_unique<int>(7);
        });
        std::atomic<int> results{0};
        std::atomic<int> refused{0};
        std::vector<join_handle<void>> joiners;
        std::vector<std::atomic<const detail::coroutine*>> known(joining);
        for (int number = 0; number < joining; ++number) {
            joiners.push_back(spawn([&, number] {
                known[static_cast<std::size_t>(number)] = sched::worker::current_coroutine();
                try {
                    results += *worked.join();
                } catch (const std::system_error& error) {
                    refused += error.code() == std::errc::invalid_argument ? 1 : 0;
                }
            }));
        }
        for (const auto& each : known) { // all of them wait
            ASSERT_TRUE(test::eventually([&] {
                const detail::coroutine* const joiner = each;
                return joiner != nullptr && joiner->waiting_for.load() != nullptr;
            }));
        }
        go.set();
        for (auto& each : joiners) {
            each.join();
        }
        EXPECT_EQ(results, 7);
        EXPECT_EQ(refused, joining - 1);
        EXPECT_FALSE(worked.joinable());
    });
}

// Plain threads: each is counted among those for whose sake a deadlock is one.
TEST(spawn, several_threads_wait_for_one_end) {
    test::signal go;
    detail::runtime_core core(test::with_workers(2), &debug::make_runtime_reports);
    core.work_guards.fetch_add(1); // this thread wakes it
    auto worked = detail::launch(&core, {}, [&] { go.wait(); });
    std::vector<std::thread> threads;
    for (int number = 0; number < 3; ++number) {
        threads.emplace_back([&] {
            std::error_code error;
            EXPECT_TRUE(worked.wait({}, error));
        });
    }
    EXPECT_TRUE(test::eventually([&] { return core.outside_joiners.load() == 3; }));
    go.set();
    for (auto& each : threads) {
        each.join();
    }
    EXPECT_EQ(core.outside_joiners.load(), 0u);
    core.work_guards.fetch_sub(1);
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

// ---- Corners of join_handle ----------------------------------------------------------------------------------------

TEST(join_handle, one_that_holds_nothing_says_so) {
    join_handle<int> empty;
    EXPECT_FALSE(empty.joinable());
    EXPECT_FALSE(empty.done());
    EXPECT_EQ(empty.id(), 0u);
    empty.request_stop();
    empty.detach();
    std::error_code error;
    EXPECT_FALSE(empty.wait({}, error));
    EXPECT_EQ(error, std::errc::invalid_argument);
    EXPECT_THROW(empty.join(), std::system_error);
}

TEST(join_handle, joins_once) {
    test::in_runtime(1, [] {
        auto handle = spawn([] { return 1; });
        EXPECT_EQ(handle.join(), 1);
        EXPECT_FALSE(handle.joinable());
        EXPECT_THROW(handle.join(), std::system_error);
    });
}

TEST(join_handle, wait_leaves_the_result_and_may_be_repeated) {
    test::in_runtime(1, [] {
        auto handle = spawn([] { return 1; });
        std::error_code error = std::make_error_code(std::errc::io_error);
        EXPECT_TRUE(handle.wait({}, error));
        EXPECT_FALSE(error);
        EXPECT_TRUE(handle.done());
        EXPECT_TRUE(handle.wait(0ms, error));
        EXPECT_EQ(handle.join(), 1);
    });
}

TEST(join_handle, moves) {
    test::in_runtime(1, [] {
        auto first = spawn([] { return 1; });
        const auto id = first.id();
        join_handle<int> second(std::move(first));
        EXPECT_FALSE(first.joinable());
        EXPECT_EQ(second.id(), id);
        join_handle<int> third;
        third = std::move(second);
        EXPECT_FALSE(second.joinable());
        auto& itself = third;
        third = std::move(itself);
        EXPECT_EQ(third.id(), id);
        EXPECT_EQ(third.join(), 1);
    });
}

TEST(join_handle, assignment_detaches_what_it_held) {
    test::in_runtime(1, [] {
        bool first_ended = false;
        auto handle = spawn([&] { first_ended = true; });
        handle = spawn([] {});
        handle.join();
        EXPECT_TRUE(first_ended) << "it ran on by itself";
    });
}

TEST(join_handle, is_dropped_while_the_coroutine_runs) {
    auto counted = std::make_shared<int>(1);
    std::atomic<bool> release{false};
    {
        runtime running(test::with_workers(1));
        {
            auto handle = running.spawn([&release, counted] {
                while (!release.load()) {
                    this_coroutine::yield();
                }
                return counted;
            });
        }
        release = true;
    }
    EXPECT_EQ(counted.use_count(), 1) << "the result nobody took is destroyed";
}

TEST(join_handle, a_chain_of_a_thousand) {
    for (const unsigned workers : {1u, 2u}) {
        test::in_runtime(workers, [] {
            struct link {
                static int follow(int left) { return left == 0 ? 0 : 1 + spawn(&follow, left - 1).join(); }
            };
            EXPECT_EQ(link::follow(1000), 1000);
        });
    }
}

TEST(join_handle, a_stopped_join_leaves_the_handle_joinable) {
    test::in_runtime(1, [] {
        bool release = false;
        auto outer = spawn([&] {
            auto inner = spawn([&] {
                while (!release) {
                    this_coroutine::yield();
                }
                return 5;
            });
            std::error_code error;
            EXPECT_FALSE(inner.wait({}, error));
            EXPECT_EQ(error, std::errc::operation_canceled);
            EXPECT_TRUE(inner.joinable());
            release = true;
            const this_coroutine::stop_shield shield;
            return inner.join();
        });
        this_coroutine::yield();
        outer.request_stop();
        EXPECT_EQ(outer.join(), 5);
    });
}

TEST(join_handle, destructors_of_callable_and_result_may_suspend) {
    static std::atomic<int> destroyed{0};
    struct slow {
        bool owner = true;
        slow() = default;
        slow(slow&& other) noexcept : owner(std::exchange(other.owner, false)) {}
        slow& operator=(slow&&) = delete;
        ~slow() {
            if (owner) {
                const this_coroutine::stop_shield shield; // the runtime may be at its end
                this_coroutine::yield();
                this_coroutine::sleep_for(1ms);
                destroyed.fetch_add(1);
            }
        }
    };
    for (const unsigned workers : {1u, 2u}) {
        destroyed = 0;
        test::in_runtime(workers, [] {
            spawn([callable = slow()] { return slow(); }).join();
            EXPECT_EQ(destroyed.load(), 2);
            auto dropped = spawn([] { return slow(); });
            dropped.detach();
        });
        EXPECT_EQ(destroyed.load(), 3);
    }
}

TEST(join_handle, an_exception_arrives_as_the_very_object_that_was_thrown) {
    struct payload : std::runtime_error {
        explicit payload(std::shared_ptr<int> kept) : std::runtime_error("payload"), owned(std::move(kept)) {}
        std::shared_ptr<int> owned;
    };
    const auto owned = std::make_shared<int>(1);
    test::in_runtime(2, [&owned] {
        auto failing = spawn([&owned] { throw payload(owned); });
        try {
            failing.join();
            ADD_FAILURE();
        } catch (const payload& caught) {
            EXPECT_EQ(caught.owned, owned);
            EXPECT_EQ(owned.use_count(), 2);
        }
        EXPECT_EQ(owned.use_count(), 1) << "nothing keeps the exception after its handling";
    });
}

TEST(join_handle, a_stop_before_the_first_turn_does_not_keep_the_body_from_running) {
    test::in_runtime(1, [] {
        bool ran = false;
        auto handle = spawn([&] {
            ran = true;
            EXPECT_TRUE(this_coroutine::stop_requested());
            this_coroutine::yield(); // no point where it can be stopped
            this_coroutine::sleep_for(1h);
        });
        handle.request_stop();
        EXPECT_THROW(handle.join(), std::system_error);
        EXPECT_TRUE(ran);
    });
}

TEST(join_handle, outside_a_coroutine_everything_is_said_to_be_nothing) {
    EXPECT_FALSE(this_coroutine::exists());
    EXPECT_EQ(this_coroutine::name(), "");
    EXPECT_EQ(this_coroutine::worker(), 0u);
    EXPECT_FALSE(this_coroutine::stop_requested());
    const this_coroutine::stop_shield shield;
    this_coroutine::yield();
}

} // namespace
} // namespace moor
