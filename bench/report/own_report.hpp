// The report of the library's own benchmarks: what was measured beside what is promised.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/google_benchmark.hpp"
#include "report/own_set.hpp"

namespace moor::bench::report {

/// A figure and what a run had of it.
struct own_row {
    own_figure figure;
    std::optional<spread> measured;
    std::optional<spread> jump; ///< bare_jump of the same program: the machine's speed of the moment

    [[nodiscard]] bool reached() const;
};

/// Rows of the programs that were run; `results` by the program's name without _bench.
[[nodiscard]] std::vector<own_row> own_rows(const std::map<std::string, benchmark_results, std::less<>>& results);

/// As text, for a terminal.
[[nodiscard]] std::string own_table(const std::vector<own_row>& rows);
/// As Markdown; `plot` is the file of the plot, relative to the report.
[[nodiscard]] std::string own_markdown(const std::vector<own_row>& rows, const std::string& context,
                                       const std::string& plot);
/// As SVG: the times that have a target.
[[nodiscard]] std::string own_plot(const std::vector<own_row>& rows);

} // namespace moor::bench::report
