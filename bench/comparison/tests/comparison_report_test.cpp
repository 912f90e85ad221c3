// What the report of a comparison says: who leads, and that nothing stands where there is no figure.
#include "report/comparison_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moor::bench::report {
namespace {

using compare::cell_record;
using compare::comparison;
using compare::row_record;
using testing::HasSubstr;
using testing::Not;

row_record row(std::string id, std::string group, std::vector<cell_record> cells) {
    return {id, std::move(group), id, "ns", "switch", id, false, std::move(cells)};
}

cell_record cell(std::string peer, std::vector<double> samples) {
    return {std::move(peer), std::move(samples), 1, {}, "", false};
}

TEST(base, is_moor_on_the_stack_that_suits) {
    const std::vector<cell_record> cells{cell("moor", {1}), cell("moor_movable", {2}), cell("go", {3})};
    EXPECT_EQ(base_of(row("yield", "Switching", cells))->peer, "moor");
    EXPECT_EQ(base_of(row("park", "Memory", cells))->peer, "moor_movable");
    EXPECT_EQ(base_of(row("park", "Memory", {cell("moor", {1}), cell("moor_movable", {})}))->peer, "moor");
    EXPECT_EQ(base_of(row("timers", "Timers", {cell("moor", {}), cell("moor_movable", {1})}))->peer, "moor_movable");
    EXPECT_EQ(base_of(row("yield", "Switching", {cell("go", {1})})), nullptr);
}

TEST(standing, by_the_best_of_the_others) {
    const standing ahead =
        standing_of(row("yield", "Switching",
                        {cell("moor", {2, 2}), cell("go", {4, 4}), cell("libuv", {1, 3}), cell("floor", {1, 1})}));
    EXPECT_TRUE(ahead.leads);
    EXPECT_EQ(ahead.ahead, "libuv");
    EXPECT_FALSE(ahead.clear);
    const standing behind = standing_of(row("yield", "Switching", {cell("moor", {2, 2}), cell("go", {1, 1})}));
    EXPECT_TRUE(behind.counts);
    EXPECT_FALSE(behind.leads);
    EXPECT_TRUE(behind.clear);
    EXPECT_EQ(behind.ratio, 0.5);
    EXPECT_FALSE(standing_of(row("yield", "Switching", {cell("moor", {2}), cell("go", {})})).counts);
}

TEST(report, has_a_table_and_a_plot_and_reasons) {
    comparison run;
    run.rounds = 3;
    run.machine = {{"processor", "some chip"}};
    run.peers = {
        {"moor", "moor", "0.1", "one worker"}, {"go", "Go", "1.26", "as it comes"}, {"libuv", "libuv", "1.50", ""}};
    row_record shown =
        row("yield", "Switching", {cell("moor", {10, 12, 11}), cell("go", {20, 24, 33}), cell("libuv", {})});
    shown.counts_calls = true;
    shown.cells[1].calls = {{"all", {8, 7, 8.5}}, {"NtDeviceIoControlFile", {4, 4, 4}}};
    shown.cells[2].reason = "it has no coroutines";
    run.rows = {shown};
    const introductions texts{"# Benchmarks\n\n<!-- results -->\n\n## After\n", "# Tables\n"};
    const report_files files = comparison_report(texts, {run}, "benchmarks");
    const std::string& text = files.at("benchmarks_tables.md");
    EXPECT_THAT(text, testing::StartsWith("# Tables\n"));
    EXPECT_THAT(text, HasSubstr("some chip"));
    EXPECT_THAT(
        text,
        HasSubstr("moor leads in 1 of 1 rows in which somebody else has a figure, in 1 of them beyond the spread."));
    EXPECT_THAT(text, HasSubstr("| yield | **1** | 2.00<br><sub>2.00…3.00</sub> | |"));
    EXPECT_THAT(
        text,
        HasSubstr(
            "| Go | 24.0 ns | 20.0 … 33.0 ns | 2.00 (2.00 … 3.00) | 8.00, 7.00 … 8.50 (DeviceIoControlFile 4.00) |"));
    EXPECT_THAT(text, HasSubstr("No figure: libuv (it has no coroutines)."));
    EXPECT_THAT(text, HasSubstr("(benchmarks/switching-1.svg)"));
    EXPECT_THAT(text, Not(HasSubstr("floor")));
    EXPECT_TRUE(files.contains("benchmarks/switching-1.svg"));
}

TEST(report, has_a_page_that_says_who_leads) {
    comparison one;
    one.rounds = 3;
    one.machine = {{"processor", "some chip"}, {"memory", "much"}};
    one.peers = {{"moor", "moor", "0.1", ""}, {"go", "Go", "1.26", ""}};
    one.rows = {row("yield", "Switching and starting", {cell("moor", {10, 10, 10}), cell("go", {20, 24, 33})}),
                row("start", "Switching and starting", {cell("moor", {10, 10, 10}), cell("go", {9, 10, 11})}),
                row("stop", "Switching and starting", {cell("moor", {10, 10, 10}), cell("go", {11, 10, 9})}),
                row("park", "Memory", {cell("moor", {10, 10, 10}), cell("go", {5, 5, 6})}),
                row("move", "Memory", {cell("moor", {10, 10, 10}), cell("go", {})})};
    comparison two = one;
    two.threads = 2;
    two.rows.pop_back();
    two.rows.pop_back();
    const report_files files = comparison_report({"before\n<!-- results -->\nafter\n", ""}, {one, two}, "plots");
    EXPECT_EQ(files.at("benchmarks.md"),
              "before\n"
              "processor: some chip; memory: much; 3 rounds.\n\n"
              "Measured: moor (0.1); Go (1.26).\n\n"
              "On one processor, of 4 rows in which somebody else has a figure, moor is ahead of all in 1, level with "
              "the best within the spread in 2, and behind in 1.\n"
              "On 2 processors, of 3 rows in which somebody else has a figure, moor is ahead of all in 1, level with "
              "the best within the spread in 2, and behind in 0.\n\n"
              "| moor is ahead | moor | the next | | ratio |\n| --- | ---: | --- | ---: | ---: |\n"
              "| yield | 10.0 ns | Go | 24.0 ns | 2.40 (2.00 … 3.30) |\n\n"
              "Level within the spread: start; stop.\n\n"
              "| moor is behind | moor | the first | | ratio |\n| --- | ---: | --- | ---: | ---: |\n"
              "| park | 10.0 ns | Go | 5.00 ns | 0.50 (0.50 … 0.60) |\n\n"
              "![Switching and starting, one processor](plots/switching-and-starting-1.svg)\n\n"
              "![Memory, one processor](plots/memory-1.svg)\n"
              "after\n");
}

TEST(report, needs_a_place_for_the_results) {
    EXPECT_THROW(static_cast<void>(comparison_report({"before\n", ""}, {comparison{}}, "plots")), std::runtime_error);
}

} // namespace
} // namespace moor::bench::report
