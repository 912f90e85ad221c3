// Whether a figure grows from round to round. The first quarter of the rounds warms up caches and pools and does not
// count. A figure has grown when the smallest value of the last quarter is larger than the largest of the second one,
// by more than what is allowed: so one high round proves nothing, and a leak of one in every round is found after
// twenty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace moor::test {

/// What a figure may grow by and is not said to grow.
struct allowance {
    std::uint64_t fixed = 0;    ///< in the figure's unit
    std::uint64_t share_of = 0; ///< and one part in so many of the second quarter's largest value; 0: nothing
};

/// The fewest rounds that can be judged.
inline constexpr std::size_t fewest_rounds = 8;

/// What is compared.
struct quarters {
    std::uint64_t largest_of_second = 0;
    std::uint64_t smallest_of_last = 0;
};

/// `values` has one of each round, in order, and at least one.
[[nodiscard]] inline quarters quarters_of(std::span<const std::uint64_t> values) {
    const std::size_t length = std::max<std::size_t>(values.size() / 4, 1);
    const auto second = values.subspan(std::min(length, values.size() - length), length);
    const auto last = values.last(length);
    return {*std::max_element(second.begin(), second.end()), *std::min_element(last.begin(), last.end())};
}

/// By how much it may grow from the one to the other.
[[nodiscard]] inline std::uint64_t allowed_growth(const quarters& seen, const allowance& allowed) {
    return allowed.fixed + (allowed.share_of != 0 ? seen.largest_of_second / allowed.share_of : 0);
}

/// Fewer than fewest_rounds have not grown.
[[nodiscard]] inline bool has_grown(std::span<const std::uint64_t> values, const allowance& allowed) {
    if (values.size() < fewest_rounds) {
        return false;
    }
    const quarters seen = quarters_of(values);
    return seen.smallest_of_last > seen.largest_of_second + allowed_growth(seen, allowed);
}

} // namespace moor::test
