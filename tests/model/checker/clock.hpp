// Vector clocks: what a thread of a model has seen of the others. C. Fidge and F. Mattern, 1988.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model.hpp"

namespace moor::model {

/// Counts of events by thread.
struct vector_clock {
    std::array<std::uint16_t, most_threads> at{};

    void join(const vector_clock& other) noexcept {
        for (std::size_t thread = 0; thread != most_threads; ++thread) {
            at[thread] = at[thread] < other.at[thread] ? other.at[thread] : at[thread];
        }
    }
    [[nodiscard]] bool covers(std::size_t thread, std::uint16_t event) const noexcept { return event <= at[thread]; }
};

/// Mixes `more` into a hash. After splitmix64.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t hash, std::uint64_t more) noexcept {
    std::uint64_t word = hash * 0x9e3779b97f4a7c15u + more + 0x7f4a7c15u;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

} // namespace moor::model
