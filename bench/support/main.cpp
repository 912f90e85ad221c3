// The main program of every benchmark executable. It adds bare_jump to the benchmarks of the program: one jump of
// Boost.Context between two stacks with nothing around it, the unit in which this machine's speed of the moment is
// told.
#include <benchmark/benchmark.h>

#include "support/jump_partner.hpp"
#include "support/measured.hpp"

namespace moor::bench {
namespace {

void bare_jump(benchmark::State& state) {
    constexpr int round_trips = 500;
    jump_partner<&boost::context::detail::jump_fcontext> partner;
    while (state.KeepRunningBatch(2 * round_trips)) {
        partner.visit(round_trips);
    }
}

} // namespace
} // namespace moor::bench

int main(int argc, char** argv) {
    moor::bench::measured(benchmark::RegisterBenchmark("bare_jump", &moor::bench::bare_jump));
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    return benchmark::RunSpecifiedBenchmarks() == 0 ? 1 : 0;
}
