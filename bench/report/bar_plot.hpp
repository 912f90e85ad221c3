// Plots as SVG: horizontal bars with ranges, one panel above the other. Self-contained, and readable on a light and on
// a dark ground.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/statistics.hpp"

namespace moor::bench::report {

struct bar {
    std::string label;
    spread value;
    bool emphasised = false;
    std::optional<double> mark{}; ///< a line across the bar: what was promised
};

/// Bars of one unit on one axis, which is logarithmic when they differ by more than thirty times.
struct panel {
    std::string title;
    std::string unit; ///< as in unit_for
    std::vector<bar> bars;
};

/// The text of an SVG file; panels without bars are left out.
[[nodiscard]] std::string bar_plot(const std::vector<panel>& panels);

} // namespace moor::bench::report
