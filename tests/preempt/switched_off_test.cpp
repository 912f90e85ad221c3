// The switches: without preemption a loop is not interrupted, and the length of a slice is what was asked for.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "preempt/under_storm.hpp"
#include "support/machine_delay.hpp"
#include "support/spin.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

// Looks at the clock now and then only: that is in a DLL, where an attempt is refused and the next one put off.
bool spin_for(std::chrono::milliseconds duration, const std::atomic<bool>& until) {
    const auto end = std::chrono::steady_clock::now() + duration;
    while (!until && std::chrono::steady_clock::now() < end) {
        test::count_to(20'000);
    }
    return until;
}

// Everything asks for preemption, but for what `options` says.
void expect_only_cooperation(const runtime_options& options) {
    runtime running(options);
    running.run([&] {
        std::atomic<bool> other_ran{false};
        auto loop = spawn({.preemptible = true}, [&] {
            auto other = spawn([&] { other_ran = true; });
            EXPECT_FALSE(spin_for(200ms, other_ran));
            EXPECT_TRUE(test::spin_until([] { return maybe_yield(); }));
            EXPECT_TRUE(other_ran);
            other.join();
        });
        loop.join();
    });
    const runtime_metrics seen = running.metrics();
    EXPECT_EQ(seen.preemptions, 0u);
    for (const std::uint64_t refusals : seen.preemptions_refused) {
        EXPECT_EQ(refusals, 0u) << "nothing is tried";
    }
}

TEST(preemption_switches, the_debugging_switch_turns_it_off) {
    runtime_options options = test::storm(1);
    options.debug.async_preempt_off = true;
    expect_only_cooperation(options);
}

TEST(preemption_switches, the_option_turns_it_off) {
    runtime_options options = test::storm(1);
    options.preemption = false;
    expect_only_cooperation(options);
}

std::uint64_t preemptions_with(std::size_t slice_us) {
    runtime_options options = test::with_workers(1);
    options.debug.slice_us = slice_us;
    runtime running(options);
    running.run([] {
        const std::atomic<bool> never{false};
        auto one = spawn({.preemptible = true}, [&] { spin_for(1000ms, never); });
        auto two = spawn({.preemptible = true}, [&] { spin_for(1000ms, never); });
        one.join();
        two.join();
    });
    return running.metrics().preemptions;
}

TEST(preemption_switches, a_shorter_slice_preempts_more_often) {
    const test::machine_delay machine;
    const std::uint64_t of_two = preemptions_with(2'000);
    const std::uint64_t wakes = machine.wakes();
    const std::uint64_t of_fifty = preemptions_with(50'000);
    // Or as often as a thread wakes on a machine that lets none wake that often.
    EXPECT_GT(of_two, std::min(2 * of_fifty, wakes / 8));
    EXPECT_GE(of_fifty, 2u);
    EXPECT_LE(of_fifty, 40u) << "two seconds at most, in slices of 50 ms";
}

} // namespace
} // namespace moor
