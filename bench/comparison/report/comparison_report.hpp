// The report of comparisons, one run of the driver for each number of processors: a page that is read in a minute, and
// one with all tables.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compare/record.hpp"

namespace moor::bench::report {

/// The peer of that row that others are compared with: moor, on the kind of stack that the job suits. Null when it has
/// no figure there.
[[nodiscard]] const compare::cell_record* base_of(const compare::row_record& row);

/// How moor does in a row, among those that are to be compared with (not the floor, which is no library).
struct standing {
    bool counts = false; ///< moor and somebody else have a figure
    bool leads = false;  ///< nobody's median of ratios is below 1
    std::string ahead{}; ///< who is ahead of it most
    double ratio = 1;    ///< that one's, or that of the next behind
    bool clear = false;  ///< the range of that ratio does not hold 1
};
[[nodiscard]] standing standing_of(const compare::row_record& row);

/// What people have written of the pages.
struct introductions {
    std::string page;   ///< with a line that says where the results come, `results_mark`
    std::string tables; ///< comes before the tables
};
inline constexpr std::string_view results_mark = "<!-- results -->\n";

/// Files of a report by name: benchmarks.md, benchmarks_tables.md, and the plots, whose names begin with `folder`.
using report_files = std::map<std::string, std::string>;

/// Comparisons are in the order of their threads; the page shows the first, and of the others who leads. Throws
/// std::runtime_error when the page's text has no place for results.
[[nodiscard]] report_files comparison_report(const introductions& texts,
                                             const std::vector<compare::comparison>& comparisons,
                                             const std::string& folder);

} // namespace moor::bench::report
