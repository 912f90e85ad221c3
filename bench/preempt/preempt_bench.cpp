// What preemption costs and gives: how late a timer is beside an endless loop, what saving and loading all registers
// costs, what a scope costs that is never preempted, and what the monitor uses while nothing runs.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <moor/preempt.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/preempted_state.hpp"
#include "support/measured.hpp"
#include "win/windows.hpp"

extern "C" void moor_bench_round(moor::preempt::preempted_state* state);

namespace moor::bench {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

// One worker, a loop that never ends, and a coroutine that sleeps a millisecond again and again: how late it wakes. The
// slice is 10 ms, so most of the time it waits for the loop's.
void timer_beside_endless_loop(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        std::atomic<bool> stop{false};
        auto loop = spawn({.name = "loop", .preemptible = true}, [&] {
            while (!stop.load(std::memory_order_relaxed)) {
            }
        });
        std::vector<double> late;
        for (auto _ : timed) {
            const auto before = steady::now();
            this_coroutine::sleep_for(1ms);
            late.push_back(milliseconds(steady::now() - before - 1ms).count());
        }
        stop = true;
        loop.join();
        std::sort(late.begin(), late.end());
        timed.counters["late_p99"] = late[late.size() * 99 / 100];
        timed.counters["late_median"] = late[late.size() / 2];
    });
}

void save_and_restore(benchmark::State& state) {
    const auto kept = preempt::preempted_state::make();
    for (auto _ : state) {
        moor_bench_round(kept.get());
    }
}

void scope_never_preempted(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        unsigned count = 0;
        for (auto _ : timed) {
            preemptible([&] { benchmark::DoNotOptimize(++count); });
        }
    });
}

void no_preempt_guard(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        unsigned count = 0;
        for (auto _ : timed) {
            const no_preempt guard;
            benchmark::DoNotOptimize(++count);
        }
    });
}

std::chrono::nanoseconds processor_time() {
    FILETIME created{};
    FILETIME ended{};
    FILETIME kernel{};
    FILETIME user{};
    ::GetProcessTimes(::GetCurrentProcess(), &created, &ended, &kernel, &user);
    const auto ticks = [](const FILETIME& time) {
        return (static_cast<std::int64_t>(time.dwHighDateTime) << 32) + time.dwLowDateTime;
    };
    return std::chrono::nanoseconds((ticks(kernel) + ticks(user)) * 100);
}

// A runtime in which every coroutine sleeps: what the process uses of a processor, in per cent.
void idle_runtime(benchmark::State& state) {
    for (auto _ : state) {
        runtime idle(one_worker());
        idle.run([&] {
            const auto used = processor_time();
            const auto began = steady::now();
            this_coroutine::sleep_for(1s);
            const auto cost = processor_time() - used;
            state.counters["percent"] = 100 * milliseconds(cost) / milliseconds(steady::now() - began);
        });
    }
}

BENCHMARK(timer_beside_endless_loop)->Apply(measured)->Iterations(200);
BENCHMARK(save_and_restore)->Apply(measured);
BENCHMARK(scope_never_preempted)->Apply(measured);
BENCHMARK(no_preempt_guard)->Apply(measured);
BENCHMARK(idle_runtime)->Apply(measured)->Iterations(1);

} // namespace
} // namespace moor::bench
