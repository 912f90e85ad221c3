// What movable stacks cost: a move, growth on the way down, spawning on a segment, a visit to the worker's system
// stack, and the check in a function's prologue. Compiled with stack checks; the benchmark's own code runs on a
// reserved stack.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <benchmark/benchmark.h>

#include <moor/semaphore.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "stack/code_without_checks.hpp"
#include "support/measured.hpp"
#include "win/compiler.hpp"
#include "win/windows.hpp"
// After it:
#include <psapi.h>

namespace moor::bench {
namespace {

constexpr spawn_options on_movable{.stack = stack_kind::movable};

// Yields until `moves` moves have been made, with at least `used` bytes of stack above it.
template <std::size_t Used>
MOOR_NOINLINE void move_often(int moves) {
    std::array<std::uint64_t, Used / sizeof(std::uint64_t)> contents;
    benchmark::DoNotOptimize(contents.data());
    for (int move = 0; move < moves; ++move) {
        this_coroutine::yield(); // alone, so it comes back at once
    }
    benchmark::DoNotOptimize(contents.data());
}

// The whole of a yield with nobody else there, and the move of a stack with 2 KiB on it.
void move_2_kib(benchmark::State& state) {
    auto options = one_worker();
    options.debug.force_move = true;
    on_one_worker(
        state,
        [](benchmark::State& timed) {
            constexpr int moves = 1000;
            std::uint64_t copies = 0;
            while (timed.KeepRunningBatch(moves)) {
                copies += spawn({.stack = stack_kind::movable, .stack_size = 8192}, [] {
                              move_often<1536>(moves); // with the frames above it and the registers: 2 KiB
                              return this_coroutine::stack_copies();
                          }).join();
            }
            if (copies < static_cast<std::uint64_t>(timed.iterations())) {
                timed.SkipWithError("the stacks did not move");
            }
        },
        options);
}

MOOR_NOINLINE std::uint64_t descend(unsigned frames) {
    std::array<std::uint64_t, 8> locals; // 64 bytes
    locals.fill(frames);
    benchmark::DoNotOptimize(locals.data());
    const std::uint64_t below = frames == 0 ? 0 : descend(frames - 1);
    return below + locals[frames % locals.size()];
}

void spawn_and_descend(benchmark::State& state, const spawn_options& options) {
    on_one_worker(state, [options](benchmark::State& timed) {
        std::uint64_t sum = 0;
        for (auto _ : timed) {
            sum += spawn(options, [] { return descend(99); }).join();
        }
        if (sum != static_cast<std::uint64_t>(timed.iterations()) * (99 * 100 / 2)) {
            timed.SkipWithError("wrong sum");
        }
    });
}

void spawn_and_descend_movable(benchmark::State& state) { spawn_and_descend(state, on_movable); }
void spawn_and_descend_reserved(benchmark::State& state) { spawn_and_descend(state, {}); }

void spawn_join_movable(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        std::uint64_t ran = 0;
        for (auto _ : timed) {
            spawn(on_movable, [counter = &ran] { ++*counter; }).join();
        }
        if (ran != static_cast<std::uint64_t>(timed.iterations())) {
            timed.SkipWithError("not every coroutine ran");
        }
    });
}

void system_stack_visit(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        constexpr int visits = 1000;
        std::uint64_t made = 0;
        while (timed.KeepRunningBatch(visits)) {
            made += spawn(on_movable, [] {
                        std::uint64_t count = 0;
                        for (int visit = 0; visit < visits; ++visit) {
                            on_system_stack([&count]() noexcept { ++count; });
                            benchmark::DoNotOptimize(count);
                        }
                        return count;
                    }).join();
        }
        if (made != static_cast<std::uint64_t>(timed.iterations())) {
            timed.SkipWithError("not every visit was made");
        }
    });
}

// Whether a call of code without checks runs elsewhere than its caller, which has little on its stack.
bool is_diverted(const spawn_options& kind) {
    constexpr std::uintptr_t distance = 4096; // bytes, more than the frames between them
    return spawn(kind,
                 [] {
                     std::uintptr_t here = 0;
                     asm volatile("mov %%rsp, %0" : "=r"(here));
                     return here - without_checks::place_of_call() > distance;
                 })
        .join();
}

// Code without checks that is called from code with them runs on the worker's system stack by itself.
template <class Call>
void calls_on(benchmark::State& state, const spawn_options& kind, Call call) {
    on_one_worker(state, [&](benchmark::State& timed) {
        constexpr int calls = 1000;
        std::uint64_t made = 0;
        if (is_diverted(kind) != (kind.stack == stack_kind::movable)) {
            timed.SkipWithError("the call does not run where it should");
        }
        while (timed.KeepRunningBatch(calls)) {
            made += spawn(kind, [call] {
                        std::uint64_t count = 0;
                        for (int each = 0; each < calls; ++each) {
                            call(&count);
                        }
                        return count;
                    }).join();
        }
        if (made != static_cast<std::uint64_t>(timed.iterations())) {
            timed.SkipWithError("not every call was made");
        }
    });
}
void diverted_call(benchmark::State& state) {
    calls_on(state, on_movable, [](std::uint64_t* count) { without_checks::count_up(count); });
}
void diverted_call_of_six_arguments(benchmark::State& state) {
    calls_on(state, on_movable, [](std::uint64_t* count) { without_checks::count_up_by(count, 2, 3, 4, 5, 1); });
}
void undiverted_call(benchmark::State& state) {
    calls_on(state, {.stack = stack_kind::reserved}, [](std::uint64_t* count) { without_checks::count_up(count); });
}

// Two functions of one shape, with and without the check.
MOOR_NOINLINE void checked(std::uint64_t* value) {
    std::array<std::uint64_t, 8> locals;
    benchmark::DoNotOptimize(locals.data());
    ++*value;
    benchmark::ClobberMemory();
}
__attribute__((no_split_stack)) MOOR_NOINLINE void unchecked(std::uint64_t* value) {
    std::array<std::uint64_t, 8> locals;
    benchmark::DoNotOptimize(locals.data());
    ++*value;
    benchmark::ClobberMemory();
}

template <void (*Function)(std::uint64_t*)>
__attribute__((no_split_stack)) MOOR_NOINLINE double nanoseconds_per_call(int calls) {
    std::uint64_t value = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int call = 0; call < calls; ++call) {
        Function(&value);
    }
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    return taken.count() / calls;
}

// The time of a call with a check; the counter says how much of it is the check.
void check_that_does_not_fire(benchmark::State& state) {
    constexpr int calls = 10'000;
    double with = 0;
    double without = 0;
    std::int64_t rounds = 0;
    while (state.KeepRunningBatch(calls)) {
        without += nanoseconds_per_call<&unchecked>(calls);
        with += nanoseconds_per_call<&checked>(calls);
        ++rounds;
    }
    state.counters["check"] = (with - without) / static_cast<double>(rounds);
}

// What the system says that 100,000 parked coroutines take, everything counted.
void parked_movable(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        constexpr std::uint64_t parked = 100'000;
        const auto resident = [] {
            PROCESS_MEMORY_COUNTERS counters{};
            ::K32GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters);
            return static_cast<double>(counters.WorkingSetSize);
        };
        double bytes_each = 0;
        for (auto _ : timed) {
            semaphore gate(0);
            std::atomic<std::uint64_t> arrived{0};
            std::atomic<std::uint64_t> ended{0};
            const double before = resident();
            for (std::uint64_t number = 0; number < parked; ++number) {
                spawn(on_movable, [gate_of_all = &gate, begun = &arrived, finished = &ended] {
                    begun->fetch_add(1);
                    gate_of_all->acquire();
                    finished->fetch_add(1);
                });
            }
            while (arrived != parked) {
                this_coroutine::yield();
            }
            this_coroutine::yield();
            if (bytes_each == 0) { // later rounds reuse the memory of the first
                bytes_each = (resident() - before) / static_cast<double>(parked);
            }
            gate.release(parked);
            while (ended != parked) {
                this_coroutine::yield();
            }
        }
        timed.counters["bytes_each"] = bytes_each;
    });
}

BENCHMARK(parked_movable)->Apply(measured)->Iterations(1);
BENCHMARK(move_2_kib)->Apply(measured);
BENCHMARK(spawn_and_descend_movable)->Apply(measured);
BENCHMARK(spawn_and_descend_reserved)->Apply(measured);
BENCHMARK(spawn_join_movable)->Apply(measured);
BENCHMARK(system_stack_visit)->Apply(measured);
BENCHMARK(diverted_call)->Apply(measured);
BENCHMARK(diverted_call_of_six_arguments)->Apply(measured);
BENCHMARK(undiverted_call)->Apply(measured);
BENCHMARK(check_that_does_not_fire)->Apply(measured);

} // namespace
} // namespace moor::bench
