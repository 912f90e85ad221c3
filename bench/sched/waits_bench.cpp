// How long those who become ready wait while every worker has coroutines that compute and give way: the table of the
// bound in docs/scheduling.md, a slice and five milliseconds. Milliseconds, as counters: the middle one of the waits,
// the 99th percentile, and the longest.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "support/measured.hpp"
#include "support/waits.hpp"

namespace moor::bench {
namespace {

using milliseconds = std::chrono::duration<double, std::milli>;

void waits(benchmark::State& state, const test::wait_setup& setup, test::awaited what) {
    constexpr unsigned rounds = 50;
    std::vector<double> times;
    for (auto _ : state) {
        for (const auto& each : test::measure_waits(setup, what, rounds)) {
            times.push_back(milliseconds(each.time).count());
        }
    }
    if (times.empty()) {
        state.SkipWithError("nothing was waited for");
        return;
    }
    std::sort(times.begin(), times.end());
    state.counters["wait_median"] = times[times.size() / 2];
    state.counters["wait_p99"] = times[(times.size() - 1) * 99 / 100];
    state.counters["wait_max"] = times.back();
}

[[maybe_unused]] const bool registered = [] {
    using test::giving_way;
    for (const auto how : {giving_way::preempted, giving_way::maybe_yield, giving_way::yield}) {
        for (const test::wait_setup size : {test::wait_setup{1, 1}, {1, 2}, {2, 2}, {2, 4}}) {
            for (const auto what : test::all_awaited) {
                const std::string name = std::string("wait/") + to_string(what) + '/' + to_string(how) +
                                         "/workers:" + std::to_string(size.workers) +
                                         "/computing:" + std::to_string(size.computing);
                const test::wait_setup setup{size.workers, size.computing, how};
                benchmark::RegisterBenchmark(name.c_str(),
                                             [setup, what](benchmark::State& state) { waits(state, setup, what); })
                    ->Apply(measured)
                    ->Iterations(1)
                    ->Repetitions(3);
            }
        }
    }
    return true;
}();

} // namespace
} // namespace moor::bench
