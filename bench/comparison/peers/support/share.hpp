// Work shared out among several that do the same.
#pragma once

#include <cstdint>

namespace moor::bench::peers {

/// What number `index` of `parts` gets of `whole`: they differ by one at most, and make up the whole.
[[nodiscard]] constexpr std::uint64_t share_of(std::uint64_t whole, std::uint64_t parts, std::uint64_t index) noexcept {
    return whole / parts + (index < whole % parts ? 1 : 0);
}

/// What each of `parts` does when all do the same, and together no less than `whole`. No more than that: one message
/// beyond a window of a pipelined echo would cost a round trip of its own.
[[nodiscard]] constexpr std::uint64_t equal_share(std::uint64_t whole, std::uint64_t parts) noexcept {
    return (whole + parts - 1) / parts;
}

/// The sum of 1 to `count`.
[[nodiscard]] constexpr std::uint64_t sum_to(std::uint64_t count) noexcept { return count * (count + 1) / 2; }

} // namespace moor::bench::peers
