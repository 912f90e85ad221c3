// The report of the library's own benchmarks.
#include "report/own_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moor::bench::report {
namespace {

using testing::HasSubstr;

std::vector<own_row> rows_of_preempt(double percent) {
    const std::string number = std::to_string(percent);
    std::string json = R"({"benchmarks": [)";
    for (const char* statistic : {"median", "min", "max"}) {
        json += R"({"run_name": "idle_runtime/iterations:1", "aggregate_name": ")" + std::string(statistic) +
                R"(", "percent": )" + number + "},";
        json +=
            R"({"run_name": "bare_jump", "aggregate_name": ")" + std::string(statistic) + R"(", "real_time": 11.0},)";
    }
    json += R"({"run_name": "idle_runtime/iterations:1", "aggregate_name": "cv", "percent": nan}]})";
    std::map<std::string, benchmark_results, std::less<>> results;
    results.emplace("preempt", benchmark_results(json));
    return own_rows(results);
}

TEST(own_report, a_zero_is_measured) {
    const std::string table = own_table(rows_of_preempt(0));
    EXPECT_THAT(table, testing::ContainsRegex("idle runtime.*at most 0.5 *0.00 % *0.00 .. 0.00 *11.0 ns *yes"));
    EXPECT_THAT(table, HasSubstr("not measured")) << "the others of that program";
}

TEST(own_report, what_is_not_reached_says_so) {
    EXPECT_THAT(own_table(rows_of_preempt(3)), testing::ContainsRegex("idle runtime.*NO"));
    EXPECT_THAT(own_markdown(rows_of_preempt(3), "a machine", "own.svg"), HasSubstr("0 of 4 targets are reached"));
}

} // namespace
} // namespace moor::bench::report
