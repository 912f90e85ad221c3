// The figures that the library's own benchmarks are for, and what of each is promised.
#pragma once

#include <string_view>
#include <vector>

namespace moor::bench::report {

enum class bound { none, at_most, at_least };

struct own_figure {
    std::string_view program; ///< without _bench
    std::string_view benchmark;
    std::string_view field; ///< real_time (per item of the benchmark), or the name of one of its counters
    std::string_view unit;
    bound promised; ///< none: the figure only informs
    double target;
    std::string_view title;
};

[[nodiscard]] const std::vector<own_figure>& own_set();

} // namespace moor::bench::report
