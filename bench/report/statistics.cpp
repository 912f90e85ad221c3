// See statistics.hpp.
#include "report/statistics.hpp"

#include <algorithm>
#include <cstddef>

namespace moor::bench::report {

spread spread_of(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    const std::size_t middle = samples.size() / 2;
    const double median = samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
    return {median, samples.front(), samples.back()};
}

std::vector<double> ratios(const std::vector<double>& samples, const std::vector<double>& base) {
    std::vector<double> result;
    for (std::size_t round = 0; round < std::min(samples.size(), base.size()); ++round) {
        if (base[round] > 0) {
            result.push_back(samples[round] / base[round]);
        }
    }
    return result;
}

} // namespace moor::bench::report
