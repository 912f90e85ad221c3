// What a segment costs: from a worker's cache, which is what growing and spawning pay; from the pool, one at a time and
// in the batches that a cache fetches; and with memory that the system has to supply.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "stack/segment_cache.hpp"
#include "stack/segment_pool.hpp"
#include "support/measured.hpp"

namespace moor::bench {
namespace {

constexpr std::size_t stack_size = 2048;

// A stack's first frames are at its top.
void use(const stack::segment& used) { *reinterpret_cast<volatile std::uint64_t*>(used.top() - 64) = 1; }

// One taken and given.
void segment_cached(benchmark::State& state) {
    stack::segment_pool pool;
    stack::segment_cache cache(pool);
    for (auto _ : state) {
        const stack::segment taken = cache.take(stack_size);
        benchmark::DoNotOptimize(taken.base);
        cache.give(taken);
    }
}

// A hundred taken, then given: the way of a worker that spawns many. Per segment.
void segment_cached_hundred(benchmark::State& state) {
    constexpr std::size_t batch = 100;
    stack::segment_pool pool;
    stack::segment_cache cache(pool);
    std::vector<stack::segment> held(batch);
    while (state.KeepRunningBatch(batch)) {
        for (stack::segment& each : held) {
            each = cache.take(stack_size);
            use(each);
        }
        for (const stack::segment& each : held) {
            cache.give(each);
        }
    }
}

// More than the cache keeps, so that most come from the pool and go back, in batches. Per segment.
void segment_through_cache(benchmark::State& state) {
    constexpr std::size_t batch = 10'000;
    stack::segment_pool_options options;
    options.kept_chunks = batch; // so that the system is not asked
    stack::segment_pool pool(options);
    stack::segment_cache cache(pool);
    std::vector<stack::segment> held(batch);
    while (state.KeepRunningBatch(batch)) {
        for (stack::segment& each : held) {
            each = cache.take(stack_size);
        }
        for (const stack::segment& each : held) {
            cache.give(each);
        }
    }
}

// One taken and given, no cache.
void segment_pooled(benchmark::State& state) {
    stack::segment_pool pool;
    for (auto _ : state) {
        const stack::segment taken = pool.take(stack_size);
        benchmark::DoNotOptimize(taken.base);
        pool.give(taken);
    }
}

// Segments that never had memory, with a write to each: chunks get memory and the system supplies the pages. The memory
// goes back outside the timing. Per segment.
void segment_first_touch(benchmark::State& state) {
    constexpr std::size_t batch = 32 * 128; // 128 chunks
    stack::segment_pool_options options;
    options.kept_chunks = 0;
    stack::segment_pool pool(options);
    stack::segment_cache cache(pool);
    std::vector<stack::segment> held(batch);
    while (state.KeepRunningBatch(batch)) {
        for (stack::segment& each : held) {
            each = cache.take(stack_size);
            use(each);
        }
        state.PauseTiming();
        for (const stack::segment& each : held) {
            cache.give(each);
        }
        cache.clear();
        if (pool.counters().unused_chunks != 0) {
            state.SkipWithError("memory was kept");
        }
        state.ResumeTiming();
    }
}

// The same in a new pool each time. Per segment, the pool's making and end not counted.
void segment_new_space(benchmark::State& state) {
    constexpr std::size_t batch = 32 * 128;
    std::vector<stack::segment> held(batch);
    while (state.KeepRunningBatch(batch)) {
        state.PauseTiming();
        {
            stack::segment_pool pool;
            stack::segment_cache cache(pool);
            const stack::segment first = pool.take(stack::smallest_segment); // the space is reserved with it
            state.ResumeTiming();
            for (stack::segment& each : held) {
                each = cache.take(stack_size);
                use(each);
            }
            state.PauseTiming();
            for (const stack::segment& each : held) {
                cache.give(each);
            }
            pool.give(first);
        }
        state.ResumeTiming();
    }
}

// The first segment of a pool and its end: what a runtime pays once, if it has movable stacks.
void segment_pool_first(benchmark::State& state) {
    for (auto _ : state) {
        stack::segment_pool pool;
        pool.give(pool.take(stack_size));
    }
}

BENCHMARK(segment_cached)->Apply(measured);
BENCHMARK(segment_cached_hundred)->Apply(measured);
BENCHMARK(segment_through_cache)->Apply(measured);
BENCHMARK(segment_pooled)->Apply(measured);
BENCHMARK(segment_first_touch)->Apply(measured);
BENCHMARK(segment_new_space)->Apply(measured);
BENCHMARK(segment_pool_first)->Apply(measured);

} // namespace
} // namespace moor::bench
