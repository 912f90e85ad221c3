// Makes the pages and plots of a report out of comparisons with the peers (../compare), the fewest processors first:
//     report INTRODUCTION OUT COMPARISON...
// INTRODUCTION is a folder with the texts that the pages begin with. OUT is a folder: the pages are benchmarks.md and
// benchmarks_tables.md there, and their plots are in OUT/benchmarks.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "report/comparison_report.hpp"
#include "support/text_file.hpp"

namespace moor::bench::report {
namespace {

constexpr const char* plots = "benchmarks"; // so that it may be copied next to docs/benchmarks.md

void report_comparison(const std::filesystem::path& introduction, const std::filesystem::path& out,
                       const std::vector<std::filesystem::path>& files) {
    std::vector<compare::comparison> comparisons;
    for (const auto& file : files) {
        comparisons.push_back(compare::read_comparison(file));
    }
    std::filesystem::create_directories(out / plots);
    const introductions texts{read_text(introduction / "introduction.md"), read_text(introduction / "method.md")};
    for (const auto& [name, text] : comparison_report(texts, comparisons, plots)) {
        write_text(out / name, text);
    }
}

} // namespace
} // namespace moor::bench::report

int main(int argc, char** argv) {
    try {
        if (argc < 4) {
            throw std::runtime_error("report INTRODUCTION OUT COMPARISON...");
        }
        moor::bench::report::report_comparison(argv[1], argv[2], {argv + 3, argv + argc});
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "report: {}\n", error.what());
        return 1;
    }
}
