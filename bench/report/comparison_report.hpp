// The report of comparisons: one run of the driver for each number of processors.
#pragma once

#include <map>
#include <string>
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

/// Files of a report by name: the text, report.md, and the plots, whose names begin with `folder`.
using report_files = std::map<std::string, std::string>;

/// `introduction` comes first. Comparisons are in the order of their threads.
[[nodiscard]] report_files comparison_report(const std::string& introduction,
                                             const std::vector<compare::comparison>& comparisons,
                                             const std::string& folder);

} // namespace moor::bench::report
