// How many items a run gets, so that it takes about a wanted time: few at first, then more by what those took.
#pragma once

#include <algorithm>
#include <cstdint>

namespace moor::bench::compare {

inline constexpr std::uint64_t first_items = 100;
inline constexpr std::uint64_t most_items = 1'000'000'000;

/// The number of items of the next trial run, or of the measured ones; `settled` says which.
struct calibration_step {
    std::uint64_t items;
    bool settled;
};

/// After a run of `items` items that took `seconds`. A run of less than a fifth of the wanted time is only a trial,
/// since beginnings are slow; a run grows at most tenfold at once.
[[nodiscard]] inline calibration_step next_items(std::uint64_t items, double seconds, double wanted) {
    constexpr double most_growth = 10;
    const double growth = seconds > 0 ? std::min(wanted / seconds, most_growth) : most_growth;
    const double scaled = std::clamp(static_cast<double>(items) * growth, 1.0, static_cast<double>(most_items));
    const auto next = static_cast<std::uint64_t>(scaled);
    return {next, seconds * 5 >= wanted || items >= most_items || next == items};
}

} // namespace moor::bench::compare
