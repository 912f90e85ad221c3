// Makes a Markdown report with a plot out of the results of the library's own benchmarks, and prints the table:
//     own_report RESULTS OUT
// RESULTS is a folder of <name>_bench.json, as Google Benchmark writes them. OUT is a folder: the report is own.md
// there, the table table.txt, and the plot is in OUT/benchmarks.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "report/own_report.hpp"
#include "support/text_file.hpp"

namespace moor::bench::report {
namespace {

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
    const std::string plot = "benchmarks/own.svg";
    const std::string table = own_table(rows);
    std::filesystem::create_directories((out / plot).parent_path());
    write_text(out / "table.txt", table);
    write_text(out / "own.md", own_markdown(rows, context, plot));
    write_text(out / plot, own_plot(rows));
    fmt::print("{}", table);
}

} // namespace
} // namespace moor::bench::report

int main(int argc, char** argv) {
    try {
        if (argc != 3) {
            throw std::runtime_error("own_report RESULTS OUT");
        }
        moor::bench::report::report_own(argv[1], argv[2]);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "own_report: {}\n", error.what());
        return 1;
    }
}
