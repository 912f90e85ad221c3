// What all benchmarks share: how each is repeated, and how one runs on a coroutine.
//
// Every figure is wall-clock time. A program's benchmarks are repeated in random order (cmake/bench.cmake asks for
// that), so a disturbance of the machine is spread over all of them, bare_jump included, which every program has for
// that purpose.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <moor/runtime.hpp>

namespace moor::bench {

/// For BENCHMARK(...)->Apply: the smallest and largest of the repetitions beside the usual statistics.
inline void with_range(benchmark::internal::Benchmark* registered) {
    registered
        ->ComputeStatistics("min",
                            [](const std::vector<double>& all) { return *std::min_element(all.begin(), all.end()); })
        ->ComputeStatistics("max",
                            [](const std::vector<double>& all) { return *std::max_element(all.begin(), all.end()); });
}

/// The same, in wall-clock time.
inline void measured(benchmark::internal::Benchmark* registered) {
    with_range(registered);
    registered->UseRealTime();
}

/// One worker, the rest as a user gets it.
inline runtime_options one_worker() {
    runtime_options options;
    options.workers = 1;
    return options;
}

/// Runs `body(state)`, the timed loop included, on a coroutine of a runtime with one worker.
template <class Body>
void on_one_worker(benchmark::State& state, Body&& body, const runtime_options& options = one_worker()) {
    runtime running(options);
    running.run([&state, &body] { body(state); });
}

} // namespace moor::bench
