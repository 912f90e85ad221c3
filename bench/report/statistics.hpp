// The few statistics of the reports: what the rounds of a figure came to, and how two figures compare.
#pragma once

#include <vector>

namespace moor::bench::report {

/// Median and range.
struct spread {
    double median = 0;
    double least = 0;
    double most = 0;
};

/// Of at least one sample.
[[nodiscard]] spread spread_of(std::vector<double> samples);

/// Samples to those of the same round of `base`; rounds in which either is missing, or the base is not above zero, are
/// left out.
[[nodiscard]] std::vector<double> ratios(const std::vector<double>& samples, const std::vector<double>& base);

} // namespace moor::bench::report
