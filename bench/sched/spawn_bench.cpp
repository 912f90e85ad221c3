// From spawn to finish: one coroutine at a time with its join, and a hundred at a time that nobody joins one by one, on
// stacks from the worker's cache; and without that cache, where every stack is fresh memory.
#include <cstdint>

#include <benchmark/benchmark.h>

#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/measured.hpp"

namespace moor::bench {
namespace {

void spawn_and_join_each(benchmark::State& state) {
    std::uint64_t ran = 0;
    for (auto _ : state) {
        spawn([&ran] { ++ran; }).join();
    }
    if (ran != static_cast<std::uint64_t>(state.iterations())) {
        state.SkipWithError("not every coroutine ran");
    }
}

void spawn_join(benchmark::State& state) { on_one_worker(state, spawn_and_join_each); }

void spawn_join_fresh_stack(benchmark::State& state) {
    auto options = one_worker();
    options.cached_stacks = 0;
    on_one_worker(state, spawn_and_join_each, options);
}

void spawn_detached(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        constexpr int batch = 100;
        std::uint64_t ran = 0;
        while (timed.KeepRunningBatch(batch)) {
            for (int index = 0; index < batch; ++index) {
                spawn([&ran] { ++ran; });
            }
            this_coroutine::yield(); // all of them run before this one's next turn
        }
        if (ran != static_cast<std::uint64_t>(timed.iterations())) {
            timed.SkipWithError("not every coroutine ran");
        }
    });
}

BENCHMARK(spawn_join)->Apply(measured);
BENCHMARK(spawn_detached)->Apply(measured);
BENCHMARK(spawn_join_fresh_stack)->Apply(measured);

} // namespace
} // namespace moor::bench
