// What a switch costs, from the bare jump up: the jump with the return prediction repaired, a yield between two
// coroutines and among many, and the system's own fibers. Time per switch; both directions of a round trip count.
//
// Coroutines of one kind run the same code, and so do those of yield. Two that run different code pay for one return
// which the processor predicts wrong, at the place where their calls part (yield_other_code).
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "context/switch.hpp"
#include "support/jump_partner.hpp"
#include "support/measured.hpp"
#include "win/compiler.hpp"
#include "win/windows.hpp"

namespace moor::bench {
namespace {

constexpr int round_trips = 500; // between two looks at the benchmark's state

void own_jump(benchmark::State& state) {
    jump_partner<&moor_jump> partner;
    while (state.KeepRunningBatch(2 * round_trips)) {
        partner.visit(round_trips);
    }
}

void fiber_switch(benchmark::State& state) {
    void* const home = ::ConvertThreadToFiber(nullptr);
    void* const other = ::CreateFiber(
        0,
        [](void* back) {
            for (;;) {
                ::SwitchToFiber(back);
            }
        },
        home);
    while (state.KeepRunningBatch(2 * round_trips)) {
        for (int trip = 0; trip < round_trips; ++trip) {
            ::SwitchToFiber(other);
        }
    }
    ::DeleteFiber(other);
    ::ConvertFiberToThread();
}

MOOR_NOINLINE void take_turns(std::uint64_t& turns) {
    for (int turn = 0; turn < round_trips; ++turn) {
        ++turns;
        this_coroutine::yield();
    }
}

MOOR_NOINLINE void take_turns_elsewhere(std::uint64_t& turns) {
    for (int turn = 0; turn < round_trips; ++turn) {
        turns += 1;
        this_coroutine::yield();
    }
    benchmark::DoNotOptimize(turns); // keeps this a function of its own
}

// One of `coroutines` that do nothing but yield in turn, the others by calling `turns_of_others`. Checks that they
// really took turns. Not to the last one: whom the system interrupts for long may lose its place in the round.
void yield_among(benchmark::State& state, int coroutines, void (*turns_of_others)(std::uint64_t&)) {
    on_one_worker(state, [=](benchmark::State& timed) {
        bool finished = false;
        std::uint64_t others_turns = 0;
        std::vector<join_handle<void>> others;
        for (int index = 1; index < coroutines; ++index) {
            others.push_back(spawn([&finished, &others_turns, turns_of_others] {
                while (!finished) {
                    turns_of_others(others_turns);
                }
            }));
        }
        this_coroutine::yield(); // all have started
        const std::uint64_t turns_before = others_turns;
        std::uint64_t own_turns = 0;
        while (timed.KeepRunningBatch(static_cast<benchmark::IterationCount>(coroutines) * round_trips)) {
            take_turns(own_turns);
        }
        const std::uint64_t turns = others_turns - turns_before;
        finished = true;
        for (auto& other : others) {
            other.join();
        }
        const std::uint64_t expected = own_turns * static_cast<std::uint64_t>(coroutines - 1);
        if (turns < expected - expected / 100 || turns > expected + expected / 100) {
            timed.SkipWithError("the coroutines did not take turns");
        }
    });
}

void yield(benchmark::State& state) { yield_among(state, 2, &take_turns); }
void yield_other_code(benchmark::State& state) { yield_among(state, 2, &take_turns_elsewhere); }
void yield_among_200(benchmark::State& state) { yield_among(state, 200, &take_turns); }

BENCHMARK(own_jump)->Apply(measured);
BENCHMARK(fiber_switch)->Apply(measured);
BENCHMARK(yield)->Apply(measured);
BENCHMARK(yield_other_code)->Apply(measured);
BENCHMARK(yield_among_200)->Apply(measured);

} // namespace
} // namespace moor::bench
