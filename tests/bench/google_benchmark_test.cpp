// Reading what Google Benchmark writes, which is not always JSON.
#include "report/google_benchmark.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace moor::bench::report {
namespace {

constexpr const char* results =
    R"({"context": {"num_cpus": 2, "mhz_per_cpu": 2102, "date": "2026-11-28", "executable": "Z:\\a nan\\b"},
"benchmarks": [
  {"run_name": "yield/real_time", "aggregate_name": "median", "real_time": 1.25e+01, "percent": 0.0},
  {"run_name": "yield/real_time", "aggregate_name": "cv", "real_time": 1.0e-02, "percent": nan},
  {"run_name": "yield/real_time", "aggregate_name": "min", "real_time": 12, "percent": 0.0},
  {"run_name": "yield/real_time", "aggregate_name": "max", "real_time": 13.5, "percent": -nan(ind)},
  {"run_name": "yield_other/real_time", "aggregate_name": "median", "real_time": 99}
]})";

TEST(without_not_numbers, replaces_values_only) {
    EXPECT_EQ(
        without_not_numbers(R"({"nan": nan, "b": [-nan(ind), inf, -Infinity, 1.5e-3, true, 1.#QNAN], "c": "\"nan"})"),
        R"({"nan": null, "b": [null, null, null, 1.5e-3, true, null], "c": "\"nan"})");
}

TEST(benchmark_results, fields) {
    const benchmark_results read(results);
    const auto time = read.field("yield", "real_time");
    ASSERT_TRUE(time);
    EXPECT_EQ(time->median, 12.5);
    EXPECT_EQ(time->least, 12);
    EXPECT_EQ(time->most, 13.5);
    EXPECT_FALSE(read.field("yield", "percent")) << "its largest is no number";
    EXPECT_FALSE(read.field("yield", "bytes"));
    EXPECT_FALSE(read.field("yiel", "real_time"));
    EXPECT_NE(read.context().find("2102 MHz"), std::string::npos);
}

TEST(benchmark_results, refuses_other_text) {
    EXPECT_THROW(benchmark_results("not json"), std::runtime_error);
    EXPECT_THROW(benchmark_results("{}"), std::runtime_error);
}

} // namespace
} // namespace moor::bench::report
