// Work shared out among several that do the same.
#pragma once

#include <cstdint>

namespace moor::bench::peers {

/// What number `index` of `parts` gets of `whole`: they differ by one at most, and make up the whole.
[[nodiscard]] constexpr std::uint64_t share_of(std::uint64_t whole, std::uint64_t parts, std::uint64_t index) noexcept {
    return whole / parts + (index < whole % parts ? 1 : 0);
}

/// The sum of 1 to `count`.
[[nodiscard]] constexpr std::uint64_t sum_to(std::uint64_t count) noexcept { return count * (count + 1) / 2; }

} // namespace moor::bench::peers
