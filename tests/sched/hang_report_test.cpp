// What the monitor says of a worker that gets nowhere: one that may wait for a lock which a preempted coroutine holds,
// and one whose thread has gone.
#include "sched/monitor.hpp"

#include <atomic>
#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/child.hpp"
#include "support/run.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A lock that knows nothing of coroutines: one is preempted with it, the other spins on the same worker.
void spin_for_a_lock_of_the_preempted(const runtime_options& options) {
    runtime running(options);
    running.run([&running] {
        std::atomic<bool> locked{false};
        std::atomic<bool> stop{false};
        auto holder = spawn({.name = "holder", .preemptible = true}, [&] {
            locked = true;
            while (!stop.load(std::memory_order_relaxed)) {
            }
            locked = false;
        });
        while (running.metrics().preemptions == 0) {
            this_coroutine::yield();
        }
        const auto end = std::chrono::steady_clock::now() + sched::monitor::hang_reported_after + 2s;
        while (locked && std::chrono::steady_clock::now() < end) {
        }
        stop = true;
        holder.join();
    });
}

const test::scenario hanging("hanging", [] { spin_for_a_lock_of_the_preempted(test::with_workers(1)); });
TEST(hang_report, of_a_worker_that_waits_for_a_preempted_coroutine) {
    const auto end = test::run_in_child(hanging);
    EXPECT_EQ(end.exit_status, 0u);
    const std::string line =
        "moor: worker 0 has been in coroutine #1 'main' for 5 seconds, while coroutine #2 'holder', "
        "which was preempted, waits for that worker";
    EXPECT_THAT(end.error_output, HasSubstr(line));
    EXPECT_EQ(end.error_output.find(line, end.error_output.find(line) + 1), std::string::npos) << "once";
}

const test::scenario hanging_silently("hanging_silently", [] {
    runtime_options options = test::with_workers(1);
    options.debug.hang_report_off = true;
    spin_for_a_lock_of_the_preempted(options);
});
TEST(hang_report, can_be_switched_off) {
    const auto end = test::run_in_child(hanging_silently);
    EXPECT_EQ(end.exit_status, 0u);
    EXPECT_EQ(end.error_output, "");
}

void compute_for_long() {
    const auto end = std::chrono::steady_clock::now() + sched::monitor::hang_reported_after + 1s;
    while (std::chrono::steady_clock::now() < end) {
    }
}

const test::scenario long_computation("long_computation", [] { test::in_runtime(1, &compute_for_long); });
const test::scenario after_a_preemption("after_a_preemption", [] {
    runtime running(test::with_workers(1));
    running.run([&running] {
        std::atomic<bool> stop{false};
        auto preempted = spawn({.preemptible = true}, [&stop] {
            while (!stop.load(std::memory_order_relaxed)) {
            }
        });
        while (running.metrics().preemptions == 0) {
            this_coroutine::yield();
        }
        stop = true;
        preempted.join();
        compute_for_long();
    });
});
TEST(hang_report, is_not_made_when_nobody_who_was_preempted_waits) {
    for (const auto* each : {&long_computation, &after_a_preemption}) {
        const auto end = test::run_in_child(*each);
        EXPECT_EQ(end.exit_status, 0u);
        EXPECT_EQ(end.error_output, "") << each->name();
    }
}

const test::scenario thread_gone("thread_gone", [] {
    runtime running(test::with_workers(1));
    running.spawn({.name = "last"}, [] { ::ExitThread(0); }).join();
});
TEST(hang_report, of_a_worker_whose_thread_has_ended) {
    const auto end = test::run_in_child(thread_gone);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, HasSubstr("moor: the thread of worker 0 has ended within coroutine #1 'last'"));
}

} // namespace
} // namespace moor
