// Makes a Markdown report with plots out of results:
//     report own RESULTS OUT
//         of the library's own benchmarks: RESULTS is a folder of <name>_bench.json, as Google Benchmark writes them.
//         Prints the table, too.
//     report comparison INTRODUCTION OUT COMPARISON...
//         of comparisons with the peers (bench/compare), the fewest processors first. INTRODUCTION is the text that the
//         report begins with.
// OUT is a folder: the report is report.md there, or own.md, and its plots are in OUT/benchmarks.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "report/comparison_report.hpp"
#include "report/own_report.hpp"
#include "support/text_file.hpp"

namespace moor::bench::report {
namespace {

constexpr const char* plots = "benchmarks"; // so that it may be copied next to docs/benchmarks.md

void report_own(const std::filesystem::path& results, const std::filesystem::path& out) {
    constexpr std::string_view ending = "_bench.json";
    std::map<std::string, benchmark_results, std::less<>> measured;
    std::string context;
    for (const auto& entry : std::filesystem::directory_iterator(results)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(ending)) {
            continue;
        }
        benchmark_results read(read_text(entry.path()));
        context = read.context();
        measured.emplace(name.substr(0, name.size() - ending.size()), std::move(read));
    }
    const std::vector<own_row> rows = own_rows(measured);
    const std::string plot = fmt::format("{}/own.svg", plots);
    const std::string table = own_table(rows);
    write_text(out / "table.txt", table);
    write_text(out / "own.md", own_markdown(rows, context, plot));
    write_text(out / plot, own_plot(rows));
    fmt::print("{}", table);
}

void report_comparison(const std::string& introduction, const std::filesystem::path& out,
                       const std::vector<std::filesystem::path>& files) {
    std::vector<compare::comparison> comparisons;
    for (const auto& file : files) {
        comparisons.push_back(compare::read_comparison(file));
    }
    for (const auto& [name, text] : comparison_report(read_text(introduction), comparisons, plots)) {
        write_text(out / name, text);
    }
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() == 3 && arguments[0] == "own") {
        std::filesystem::create_directories(std::filesystem::path(arguments[2]) / plots);
        report_own(arguments[1], arguments[2]);
        return 0;
    }
    if (arguments.size() >= 4 && arguments[0] == "comparison") {
        std::filesystem::create_directories(std::filesystem::path(arguments[2]) / plots);
        report_comparison(arguments[1], arguments[2], {arguments.begin() + 3, arguments.end()});
        return 0;
    }
    throw std::runtime_error("report own RESULTS OUT, or: report comparison INTRODUCTION OUT COMPARISON...");
}

} // namespace
} // namespace moor::bench::report

int main(int argc, char** argv) {
    try {
        return moor::bench::report::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        fmt::print(stderr, "report: {}\n", error.what());
        return 1;
    }
}
