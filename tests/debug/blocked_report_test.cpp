// When every coroutine is blocked for good the runtime says so, and only then.
#include "debug/blocked_report.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <moor/channel.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal.hpp"
#include "support/captured_errors.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

runtime_options reporting(unsigned workers) {
    runtime_options options = test::with_workers(workers);
    options.on_deadlock = deadlock_action::report;
    return options;
}

// After which a deadlock is reported that other threads might end: this process has those of the tests.
constexpr auto soon = 200ms;

// Until every worker sleeps. The last one reports a deadlock, if there is any, at about the same moment.
void let_all_sleep(const detail::runtime_core& core) {
    const auto workers = static_cast<unsigned>(core.workers.size());
    ASSERT_TRUE(test::eventually([&] { return sched::idle_workers::all_asleep(core.idle.snapshot(), workers); }));
}

// ---- The end of the process ----------------------------------------------------------------------------------------

void deadlock_on(unsigned workers) {
    test::in_runtime(workers, [] {
        test::signal never;
        auto finished = spawn({.name = "finished"}, [] {});
        std::error_code error;
        finished.wait({}, error);
        auto alpha = spawn({.name = "alpha"}, [&] { never.wait(); });
        auto beta = spawn({.name = "beta"}, [&] { alpha.join(); });
        beta.join();
    });
}

const test::scenario deadlock_on_one("deadlock_on_one", [] { deadlock_on(1); });
const test::scenario deadlock_on_four("deadlock_on_four", [] { deadlock_on(4); });

TEST(deadlock, ends_the_process_with_the_list_of_the_blocked) {
    for (const auto* each : {&deadlock_on_one, &deadlock_on_four}) {
        const auto end = test::run_in_child(*each);
        EXPECT_FALSE(end.hung);
        EXPECT_EQ(end.exit_status, 3u);
        EXPECT_THAT(end.error_output,
                    AllOf(HasSubstr("all 3 coroutines are blocked"), HasSubstr("'main' waits in join"),
                          HasSubstr("'alpha' waits in signal"), HasSubstr("'beta' waits in join"),
                          Not(HasSubstr("finished")), HasSubstr("deadlock")));
    }
}

// Not run(), but a join by a plain thread of something that never ends.
const test::scenario deadlock_in_join("deadlock_in_join", [] {
    test::signal never;
    runtime running(test::with_workers(2));
    auto blocked = running.spawn({.name = "blocked"}, [&] { never.wait(); });
    std::this_thread::sleep_for(20ms); // the workers are asleep, most likely, when the join begins
    blocked.join();
});
TEST(deadlock, is_seen_when_a_plain_thread_begins_to_join) {
    const auto end = test::run_in_child(deadlock_in_join);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("'blocked' waits in signal"));
}

const test::scenario deadlock_in_shutdown("deadlock_in_shutdown", [] {
    test::signal never;
    runtime running(test::with_workers(2));
    running.spawn({.name = "stubborn"}, [&] {
        const this_coroutine::stop_shield shield;
        never.wait();
    });
});
TEST(deadlock, is_seen_in_shutdown) {
    const auto end = test::run_in_child(deadlock_in_shutdown);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("'stubborn' waits in signal"));
}

const test::scenario deadlock_of_many("deadlock_of_many", [] {
    test::in_runtime(2, [] {
        test::signal never;
        std::vector<join_handle<void>> crowd;
        for (int number = 0; number < 500; ++number) {
            crowd.push_back(spawn({.name = "one of many"}, [&] { never.wait(); }));
        }
        crowd.front().join();
    });
});
TEST(deadlock, of_many_is_reported_in_short) {
    const auto end = test::run_in_child(deadlock_of_many);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("all 501 coroutines"), HasSubstr("and 301 more")));
}

const test::scenario pinned_deadlock("pinned_deadlock", [] {
    test::in_runtime(2, [] {
        test::signal never;
        spawn({.name = "pinned", .worker = 1u}, [&] { never.wait(); }).join();
    });
});
TEST(deadlock, of_a_pinned_coroutine) {
    const auto end = test::run_in_child(pinned_deadlock);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("'pinned' waits in signal"));
}

// ---- The report ----------------------------------------------------------------------------------------------------

TEST(deadlock, can_be_reported_and_survived) {
    for (const unsigned workers : {1u, 3u}) {
        test::captured_errors errors;
        test::signal wake;
        detail::runtime_core core(reporting(workers), &debug::make_runtime_reports);
        core.deadlocks.unsure_after = soon;
        auto blocked = detail::launch(&core, {.name = "sleepy"}, [&] { wake.wait(); });
        std::thread rescuer([&] {
            EXPECT_TRUE(errors.wait_for("moor::work_guard."));
            wake.set();
        });
        blocked.join();
        rescuer.join();
        EXPECT_THAT(errors.text(), AllOf(HasSubstr("all 1 coroutines are blocked"),
                                         HasSubstr("'sleepy' waits in signal"), HasSubstr("other threads live")));
    }
}

TEST(deadlock, comes_with_the_end_of_the_last_work_guard) {
    test::captured_errors errors;
    test::signal wake;
    detail::runtime_core core(reporting(2), &debug::make_runtime_reports);
    core.deadlocks.unsure_after = soon;
    core.work_guards.fetch_add(2); // as two work_guard objects do
    auto blocked = detail::launch(&core, {.name = "sleepy"}, [&] { wake.wait(); });
    std::thread joiner([&] { blocked.join(); });
    ASSERT_TRUE(test::eventually([&] { return core.outside_joiners.load() == 1; }));
    let_all_sleep(core);
    EXPECT_THAT(errors.text(), IsEmpty());
    core.work_guards.fetch_sub(1);
    core.wake_worker();
    let_all_sleep(core);
    EXPECT_THAT(errors.text(), IsEmpty());
    core.work_guards.fetch_sub(1);
    core.wake_worker();
    EXPECT_TRUE(errors.wait_for("'sleepy' waits in signal"));
    wake.set();
    joiner.join();
}

TEST(deadlock, work_guard_keeps_it_off) {
    test::captured_errors errors;
    test::signal wake;
    runtime running(reporting(2));
    std::atomic<bool> waiting{false};
    std::optional<work_guard> expected(running);
    std::thread waker([&] {
        EXPECT_TRUE(test::eventually([&] { return wake.has_waiter(); }));
        waiting = true;
        EXPECT_THAT(errors.text(), IsEmpty());
        wake.set();
    });
    running.run([&] { wake.wait(); });
    waker.join();
    EXPECT_TRUE(waiting.load());
    expected.reset();
    EXPECT_THAT(errors.text(), IsEmpty());
}

TEST(deadlock, work_guard_made_by_the_coroutine_itself) {
    test::captured_errors errors;
    test::signal wake;
    detail::runtime_core core(reporting(2), &debug::make_runtime_reports);
    core.deadlocks.unsure_after = soon;
    auto blocked = detail::launch(&core, {.name = "sleepy"}, [&] {
        {
            const work_guard expected;
            wake.wait();
        }
        wake.wait();
    });
    std::thread joiner([&] { blocked.join(); });
    ASSERT_TRUE(test::eventually([&] { return core.outside_joiners.load() == 1 && wake.has_waiter(); }));
    let_all_sleep(core);
    EXPECT_THAT(errors.text(), IsEmpty());
    wake.set();
    EXPECT_TRUE(errors.wait_for("'sleepy' waits in signal"));
    wake.set();
    joiner.join();
}

// ---- What is none --------------------------------------------------------------------------------------------------

TEST(no_deadlock, while_nobody_waits_for_an_end) {
    test::captured_errors errors;
    test::signal wake;
    detail::runtime_core core(reporting(2), &debug::make_runtime_reports);
    auto blocked = detail::launch(&core, {}, [&] { wake.wait(); });
    ASSERT_TRUE(test::eventually([&] { return wake.has_waiter(); }));
    let_all_sleep(core);
    EXPECT_THAT(errors.text(), IsEmpty());
    std::error_code error;
    EXPECT_FALSE(blocked.wait(20ms, error)) << "a wait with a deadline ends by itself";
    EXPECT_THAT(errors.text(), IsEmpty());
    wake.set();
    blocked.join();
}

// Healthy programs that wait for somebody outside for longer than it takes to judge them.

constexpr auto for_long = 700ms;

const test::scenario token_wait("token_wait", [] {
    std::stop_source source;
    std::atomic<bool> ends{false};
    runtime running(test::with_workers(2));
    std::thread later;
    running
        .spawn([&] {
            later = std::thread([&] {
                std::this_thread::sleep_for(for_long);
                source.request_stop();
            });
            test::signal never;
            ends = never.wait(source.get_token()) == detail::wake_reason::stopped;
        })
        .join();
    later.join();
    std::_Exit(ends ? 0 : 1);
});
const test::scenario join_across_runtimes("join_across_runtimes", [] {
    runtime front(test::with_workers(1));
    runtime back(test::with_workers(1));
    const int got = front.run([&] {
        return back
            .spawn([] {
                this_coroutine::sleep_for(for_long);
                return 7;
            })
            .join();
    });
    std::_Exit(got == 7 ? 0 : 1);
});
const test::scenario thread_send("thread_send", [] {
    channel<int> numbers;
    std::thread later([numbers] {
        std::this_thread::sleep_for(for_long);
        numbers.send(7);
    });
    runtime running(test::with_workers(2));
    const int got = *running.run([&] { return numbers.receive(); });
    later.join();
    std::_Exit(got == 7 ? 0 : 1);
});
const test::scenario endless_sleep("endless_sleep", [] {
    runtime running(test::with_workers(2));
    auto sleeper = running.spawn([] { this_coroutine::sleep_for(std::chrono::hours::max()); });
    std::thread later([&] {
        std::this_thread::sleep_for(for_long);
        sleeper.request_stop();
    });
    std::error_code error;
    sleeper.wait({}, error);
    later.join();
    std::_Exit(0);
});

TEST(no_deadlock, in_what_waits_for_somebody_outside) {
    for (const auto* each : {&token_wait, &join_across_runtimes, &thread_send, &endless_sleep}) {
        const auto end = test::run_in_child(*each);
        EXPECT_FALSE(end.hung) << each->name();
        EXPECT_EQ(end.exit_status, 0u) << each->name();
        EXPECT_EQ(end.error_output, "") << each->name();
    }
}

// A wait that a token ends is no deadlock, even when no other thread lives yet that could use it.
TEST(no_deadlock, while_a_stop_can_be_requested) {
    test::captured_errors errors;
    detail::runtime_core core(reporting(2), &debug::make_runtime_reports);
    core.deadlocks.unsure_after = 1ms;
    std::stop_source source;
    auto blocked = detail::launch(&core, {}, [&] {
        test::signal never;
        static_cast<void>(never.wait(source.get_token()));
    });
    std::thread joiner([&] { blocked.join(); });
    std::this_thread::sleep_for(300ms); // time to judge it
    EXPECT_THAT(errors.text(), IsEmpty());
    source.request_stop();
    joiner.join();
}

// A thread that wakes now and then is not reported more than once.
TEST(deadlock, that_is_none_is_reported_once) {
    test::captured_errors errors;
    test::signal wake;
    detail::runtime_core core(reporting(2), &debug::make_runtime_reports);
    core.deadlocks.unsure_after = 1ms;
    auto blocked = detail::launch(&core, {.name = "sleepy"}, [&] {
        for (int round = 0; round < 3; ++round) {
            wake.wait();
        }
    });
    std::thread joiner([&] { blocked.join(); });
    EXPECT_TRUE(errors.wait_for("moor::work_guard."));
    for (int round = 0; round < 3; ++round) {
        EXPECT_TRUE(test::eventually([&] { return wake.has_waiter(); }));
        std::this_thread::sleep_for(200ms); // time to judge it again
        wake.set();
    }
    joiner.join();
    const std::string& text = errors.text();
    EXPECT_EQ(text.find("moor: all"), text.rfind("moor: all")) << text;
}

TEST(no_deadlock, while_a_timer_runs_on_any_worker) {
    test::captured_errors errors;
    runtime running(reporting(3));
    running.run([] {
        for (unsigned worker = 0; worker < 3; ++worker) {
            spawn({.worker = worker}, [] { this_coroutine::sleep_for(20ms); }).join();
        }
        test::signal never;
        EXPECT_EQ(never.wait(20ms), detail::wake_reason::timed_out);
    });
    EXPECT_THAT(errors.text(), IsEmpty());
}

TEST(no_deadlock, in_a_runtime_without_coroutines) {
    test::captured_errors errors;
    {
        runtime running(reporting(2));
        running.run([] {});
        running.shutdown();
    }
    EXPECT_THAT(errors.text(), IsEmpty());
}

// Workers fall asleep and wake all the time, in every order, and the last one to sleep looks each time.
TEST(no_deadlock, while_anything_is_going_on) {
    test::captured_errors errors;
    runtime running(reporting(4));
    std::vector<std::thread> clients;
    for (int client = 0; client < 3; ++client) {
        clients.emplace_back([&] {
            const auto end = std::chrono::steady_clock::now() + 1500ms;
            while (std::chrono::steady_clock::now() < end) {
                running.run([] {
                    auto sleeper = spawn([] {
                        for (int round = 0; round < 5; ++round) {
                            this_coroutine::sleep_for(20us);
                        }
                    });
                    spawn({.worker = 3u}, [] { this_coroutine::yield(); }).join();
                    sleeper.join();
                });
            }
        });
    }
    for (auto& client : clients) {
        client.join();
    }
    EXPECT_THAT(errors.text(), IsEmpty());
}

} // namespace
} // namespace moor
