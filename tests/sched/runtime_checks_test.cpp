// The options of a runtime: what they do when nothing is asked for, and what is refused.
#include "sched/runtime_checks.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

TEST(runtime_options, by_default_a_worker_for_each_processor) {
    const runtime running;
    EXPECT_GE(running.workers(), 1u);
    EXPECT_LE(running.workers(), std::max(1u, std::thread::hardware_concurrency()));
}

TEST(runtime_options, as_many_workers_as_asked_for) {
    for (const unsigned workers : {1u, 2u, 3u, 16u}) {
        runtime running(test::with_workers(workers));
        EXPECT_EQ(running.workers(), workers);
        EXPECT_TRUE(running.run([workers] { return this_coroutine::worker() < workers; }));
    }
}

TEST(runtime_options, refuses_what_cannot_be) {
    const auto refused = [](auto change) {
        runtime_options options = test::with_workers(1);
        change(options);
        try {
            const runtime running(options);
        } catch (const std::system_error& error) {
            return error.code() == std::errc::invalid_argument;
        }
        return false;
    };
    EXPECT_TRUE(refused([](auto& options) { options.workers = 1025; }));
    EXPECT_TRUE(refused([](auto& options) { options.stack_size = (std::size_t{1} << 30) + 1; }));
    EXPECT_TRUE(refused([](auto& options) { options.time_slice = 0us; }));
    EXPECT_TRUE(refused([](auto& options) { options.time_slice = -1us; }));
    EXPECT_TRUE(refused([](auto& options) { options.movable_stack_size = std::size_t{64} * 1024 + 1; }));
    EXPECT_TRUE(refused([](auto& options) { options.largest_movable_stack = (std::size_t{1} << 30) + 1; }));
    EXPECT_FALSE(refused([](auto&) {}));
}

// Reckoned with in nanoseconds, one of microseconds::max() would be negative, and over at each look.
TEST(runtime_options, the_longest_time_slice_is_a_day) {
    runtime_options options = test::with_workers(1);
    options.time_slice = std::chrono::microseconds::max();
    EXPECT_EQ(sched::checked(options).time_slice, std::chrono::hours(24));
    options.time_slice = std::chrono::seconds(7);
    EXPECT_EQ(sched::checked(options).time_slice, std::chrono::seconds(7));
}

TEST(runtime_options, stack_size_is_that_of_every_coroutine_that_asks_for_none) {
    runtime_options options = test::with_workers(1);
    options.stack_size = 100'000;
    runtime running(options);
    running.run([] {
        EXPECT_EQ(this_coroutine::stack_size(), 131'072u) << "rounded up";
        EXPECT_EQ(spawn([] { return this_coroutine::stack_size(); }).join(), 131'072u);
        EXPECT_EQ(spawn({.stack_size = 1}, [] { return this_coroutine::stack_size(); }).join(), 65'536u);
        EXPECT_EQ(spawn({.stack_size = 1'000'000}, [] { return this_coroutine::stack_size(); }).join(), 1'048'576u);
    });
    EXPECT_EQ(this_coroutine::stack_size(), 0u);
}

// Fifty coroutines at once, on stacks of their own; what is kept of these when all have ended.
void expect_kept(const runtime_options& options, std::size_t stacks) {
    runtime running(options);
    running.run([] {
        std::vector<join_handle<void>> handles;
        for (int number = 0; number < 50; ++number) {
            handles.push_back(spawn([] { this_coroutine::yield(); }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
    EXPECT_TRUE(test::eventually([&] { return running.metrics().stacks_committed == stacks; }))
        << running.metrics().stacks_committed << " instead of " << stacks;
}

TEST(runtime_options, cached_stacks_bounds_what_workers_keep_committed) {
    for (const std::size_t cached : {std::size_t{0}, std::size_t{3}}) {
        runtime_options options = test::with_workers(1);
        options.cached_stacks = cached;
        options.kept_stack_memory = 0;
        expect_kept(options, cached);
    }
}

TEST(runtime_options, kept_stack_memory_bounds_what_the_runtime_keeps_committed) {
    runtime_options options = test::with_workers(1);
    options.cached_stacks = 3;
    options.kept_stack_memory = 1024 * 1024 * 1024;
    expect_kept(options, 51); // main's, too
    options.kept_stack_memory = 1;
    expect_kept(options, 3);
}

} // namespace
} // namespace moor
