// The life of a runtime: run, and an orderly end that leaves nothing behind.
#include <moor/runtime.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "support/process_figures.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

// ---- run -----------------------------------------------------------------------------------------------------------

TEST(runtime, run_returns_whatever_the_function_does) {
    runtime running(test::with_workers(1));
    EXPECT_EQ(running.run([] { return 1; }), 1);
    EXPECT_EQ(*running.run([](std::unique_ptr<int> moved) { return moved; }, std::make_unique<int>(2)), 2);
    int target = 0;
    int& same = running.run([&]() -> int& { return target; });
    EXPECT_EQ(&same, &target);
    running.run([] {});
    EXPECT_THROW(running.run([] { throw std::logic_error("thrown"); }), std::logic_error);
    EXPECT_EQ(running.run([](int left, int right) { return left - right; }, 5, 3), 2) << "after an exception";
}

TEST(runtime, several_threads_run_at_once) {
    runtime running(test::with_workers(2));
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int round = 0; round < 500; ++round) {
                sum.fetch_add(running.run([] {
                    return spawn([] {
                               this_coroutine::yield();
                               return 1;
                           })
                        .join();
                }));
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(sum.load(), 2000);
}

TEST(runtime, what_run_leaves_behind_runs_on) {
    runtime running(test::with_workers(1));
    std::atomic<int> turns{0};
    running.run([&] {
        spawn([&] {
            while (!this_coroutine::stop_requested()) {
                turns.fetch_add(1);
                this_coroutine::yield();
            }
        });
    });
    const int before = turns.load();
    EXPECT_TRUE(test::eventually([&] { return turns.load() > before + 1000; }));
    running.shutdown();
    const int after = turns.load();
    EXPECT_EQ(running.metrics().coroutines_alive, 0u);
    EXPECT_EQ(turns.load(), after);
}

// ---- shutdown ------------------------------------------------------------------------------------------------------

TEST(shutdown, of_a_runtime_that_ran_nothing) {
    runtime running(test::with_workers(2));
    running.shutdown();
    running.shutdown();
}

TEST(shutdown, ends_every_kind_of_wait) {
    runtime running(test::with_workers(2));
    std::atomic<int> waiting{0};
    std::atomic<int> cancelled{0};
    test::signal never;
    const auto count_cancelled = [&](auto wait) {
        return [&, wait] {
            waiting.fetch_add(1);
            try {
                wait();
            } catch (const std::system_error& error) {
                cancelled.fetch_add(error.code() == std::errc::operation_canceled ? 1 : 0);
            }
        };
    };
    auto sleeper = running.spawn(count_cancelled([] { this_coroutine::sleep_for(1h); }));
    auto blocked = running.spawn(count_cancelled([&] { never.wait_or_throw(); }));
    auto limited = running.spawn(count_cancelled([&] { never.wait_or_throw(1h); }));
    auto joiner = running.spawn(count_cancelled([] {
        spawn([] {
            const this_coroutine::stop_shield shield; // ends later than its joiner
            this_coroutine::sleep_for(20ms);
        }).join();
    }));
    ASSERT_TRUE(test::eventually([&] { return waiting.load() == 4; }));
    running.shutdown();
    EXPECT_EQ(cancelled.load(), 4);
    EXPECT_TRUE(sleeper.done() && blocked.done() && limited.done() && joiner.done());
    const auto seen = running.metrics();
    EXPECT_EQ(seen.coroutines_alive, 0u);
    EXPECT_EQ(seen.coroutines_started, 5u);
    EXPECT_EQ(seen.operations_in_use, 0u);
}

TEST(shutdown, waits_for_clean_up) {
    std::atomic<bool> begun{false};
    std::atomic<bool> cleaned{false};
    runtime running(test::with_workers(1));
    running.spawn([&] {
        try {
            begun = true;
            this_coroutine::sleep_for(1h);
        } catch (const std::system_error&) {
            const this_coroutine::stop_shield shield;
            this_coroutine::sleep_for(20ms);
            cleaned = true;
        }
    });
    ASSERT_TRUE(test::eventually([&] { return begun.load(); }));
    running.shutdown();
    EXPECT_TRUE(cleaned.load());
}

TEST(shutdown, stops_what_is_spawned_during_it) {
    std::atomic<int> ended{0};
    {
        runtime running(test::with_workers(2));
        struct generation {
            static void live(int left, std::atomic<int>& ended) {
                try {
                    this_coroutine::sleep_for(1h);
                } catch (const std::system_error&) {
                }
                if (left > 0) {
                    spawn(live, left - 1, std::ref(ended));
                    spawn(live, left - 1, std::ref(ended));
                }
                ended.fetch_add(1);
            }
        };
        running.spawn(&generation::live, 6, std::ref(ended));
    }
    EXPECT_EQ(ended.load(), 127);
}

TEST(shutdown, leaves_results_to_their_handles) {
    runtime running(test::with_workers(1));
    auto value = running.spawn([] { return std::string("kept"); });
    auto error = running.spawn([] { throw std::runtime_error("kept"); });
    auto stopped = running.spawn([] { this_coroutine::sleep_for(1h); });
    running.shutdown();
    EXPECT_EQ(value.join(), "kept");
    EXPECT_THROW(error.join(), std::runtime_error);
    EXPECT_THROW(stopped.join(), std::system_error);
}

TEST(shutdown, nothing_is_spawned_after_it) {
    runtime running(test::with_workers(1));
    running.shutdown();
    try {
        running.run([] {});
        ADD_FAILURE() << "it ran";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::operation_not_permitted);
    }
    EXPECT_EQ(running.metrics().coroutines_started, 0u);
}

// What a plain thread spawns while the runtime ends is refused, or runs to its end.
TEST(shutdown, nothing_spawned_during_it_is_lost) {
    for (int round = 0; round < 20; ++round) {
        runtime running(test::with_workers(2));
        std::atomic<int> begun{0};
        std::vector<std::thread> clients;
        for (int client = 0; client < 2; ++client) {
            clients.emplace_back([&] {
                for (;;) {
                    join_handle<int> guest;
                    try {
                        guest = running.spawn([] { return 1; });
                    } catch (const std::system_error& error) {
                        EXPECT_EQ(error.code(), std::errc::operation_not_permitted);
                        return;
                    }
                    begun.fetch_add(1);
                    std::error_code error;
                    ASSERT_TRUE(guest.wait(30s, error)) << "round " << round << ": " << error;
                    EXPECT_EQ(guest.join(), 1);
                }
            });
        }
        ASSERT_TRUE(test::eventually([&] { return begun.load() > 0; }));
        running.shutdown();
        for (auto& client : clients) {
            client.join();
        }
        EXPECT_EQ(running.metrics().coroutines_started, static_cast<std::uint64_t>(begun.load()));
    }
}

TEST(shutdown, many_threads_that_wait_are_let_go) {
    runtime running(test::with_workers(2));
    std::atomic<int> waiting{0};
    std::vector<std::thread> clients;
    for (int client = 0; client < 4; ++client) {
        clients.emplace_back([&] {
            auto blocked = running.spawn([] { this_coroutine::sleep_for(1h); });
            waiting.fetch_add(1);
            EXPECT_THROW(blocked.join(), std::system_error);
        });
    }
    ASSERT_TRUE(test::eventually([&] { return waiting.load() == 4; }));
    running.shutdown();
    for (auto& client : clients) {
        client.join();
    }
}

// ---- One after another, and at once --------------------------------------------------------------------------------

void use_for_a_moment(unsigned workers) {
    runtime running(test::with_workers(workers));
    const int sum = running.run([] {
        std::vector<join_handle<int>> handles;
        for (int number = 0; number < 20; ++number) {
            handles.push_back(spawn([number] {
                this_coroutine::sleep_for(std::chrono::microseconds(number * 10));
                return number;
            }));
        }
        spawn([] { this_coroutine::sleep_for(1h); });
        int all = 0;
        for (auto& handle : handles) {
            all += handle.join();
        }
        return all;
    });
    EXPECT_EQ(sum, 190);
}

TEST(runtimes, one_after_another_leave_no_handle_behind) {
    use_for_a_moment(2); // what a process opens once for all
    const auto before = test::process_handles();
    for (int round = 0; round < 50; ++round) {
        use_for_a_moment(1 + static_cast<unsigned>(round) % 3);
    }
    EXPECT_LT(test::process_handles(), before + 10);
}

TEST(runtimes, at_once) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([] {
            for (int round = 0; round < 5; ++round) {
                use_for_a_moment(2);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
}

TEST(runtimes, coroutines_of_one_spawn_and_join_in_another) {
    runtime first(test::with_workers(2));
    runtime second(test::with_workers(2));
    const work_guard expected(first); // by the second one
    const int sum = first.run([&second] {
        int all = 0;
        for (int round = 0; round < 200; ++round) {
            all += second
                       .spawn([round] {
                           this_coroutine::yield();
                           return spawn([round] { return round; }).join();
                       })
                       .join();
        }
        return all;
    });
    EXPECT_EQ(sum, 19'900);
    EXPECT_GE(second.metrics().coroutines_started, 400u);
    EXPECT_EQ(first.metrics().coroutines_started, 1u);
}

TEST(runtimes, a_signal_crosses_from_one_to_the_other) {
    runtime first(test::with_workers(1));
    runtime second(test::with_workers(1));
    test::signal there;
    test::signal back;
    auto echo = second.spawn([&] {
        const work_guard expected;
        for (int round = 0; round < 500; ++round) {
            there.wait();
            back.set();
        }
    });
    first.run([&] {
        const work_guard expected;
        for (int round = 0; round < 500; ++round) {
            there.set();
            back.wait();
        }
    });
    echo.join();
}

// ---- Counters ------------------------------------------------------------------------------------------------------

TEST(metrics, count_coroutines_exactly_when_quiet) {
    runtime running(test::with_workers(4));
    running.run([] {
        std::vector<join_handle<void>> handles;
        for (int number = 0; number < 1000; ++number) {
            handles.push_back(spawn([] { this_coroutine::yield(); }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
    const auto seen = running.metrics();
    EXPECT_EQ(seen.coroutines_started, 1001u);
    EXPECT_EQ(seen.coroutines_alive, 0u);
    EXPECT_EQ(seen.operations_in_use, 0u);
    EXPECT_EQ(seen.packets_foreign, 0u);
}

TEST(metrics, count_the_living) {
    runtime running(test::with_workers(2));
    test::signal never;
    std::vector<join_handle<void>> handles;
    for (int number = 0; number < 10; ++number) {
        handles.push_back(running.spawn([&] { never.wait(); }));
    }
    EXPECT_EQ(running.metrics().coroutines_alive, 10u);
    for (const auto& handle : handles) {
        handle.request_stop();
    }
    for (auto& handle : handles) {
        handle.join();
    }
    EXPECT_EQ(running.metrics().coroutines_alive, 0u);
}

// ---- Recycling -----------------------------------------------------------------------------------------------------

TEST(recycling, a_hundred_thousand_spawns_use_unique_ids_and_little_memory) {
    for (const unsigned workers : {1u, 4u}) {
        detail::runtime_core core(test::with_workers(workers), &debug::make_runtime_reports);
        std::unordered_set<std::uint64_t> ids;
        detail::launch(&core, {}, [&ids] {
            for (int round = 0; round < 1000; ++round) {
                std::vector<join_handle<void>> crowd;
                for (int number = 0; number < 50; ++number) {
                    crowd.push_back(spawn([] { this_coroutine::yield(); }));
                    ids.insert(crowd.back().id());
                }
                for (auto& each : crowd) {
                    each.join();
                }
            }
        }).join();
        EXPECT_EQ(ids.size(), 50'000u);
        EXPECT_EQ(ids.count(0), 0u);
        // Each worker keeps some for itself, 128 at most.
        EXPECT_LE(core.coroutines.size(), 50 + workers * 200);
        EXPECT_LE(core.metrics().stacks_committed, 50 + workers * core.options.cached_stacks);
    }
}

TEST(recycling, a_handle_keeps_its_block) {
    test::in_runtime(2, [] {
        std::vector<join_handle<int>> kept;
        for (int number = 0; number < 300; ++number) {
            kept.push_back(spawn([number] { return number; }));
            spawn([] {}).join();
        }
        for (int number = 0; number < 300; ++number) {
            EXPECT_EQ(kept[static_cast<std::size_t>(number)].join(), number);
        }
    });
}

// ---- What a runtime does not survive -------------------------------------------------------------------------------

const test::scenario handle_outlives_runtime("handle_outlives_runtime", [] {
    join_handle<int> late;
    {
        runtime running(test::with_workers(1));
        late = running.spawn([] { return 1; });
    }
    late.detach();
});

TEST(runtime, a_handle_that_outlives_it_ends_the_process) {
    const auto end = test::run_in_child(handle_outlives_runtime);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_NE(end.error_output.find("a join_handle outlives its runtime"), std::string::npos) << end.error_output;
}

} // namespace
} // namespace moor
