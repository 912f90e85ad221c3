// The function of the job "descend": so many frames, each with locals that are in use across the call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <benchmark/benchmark.h>

#include "win/compiler.hpp"

namespace moor::bench::peers {

/// Depth first: returns frames * (frames + 1) / 2. Each frame keeps 64 bytes of locals alive across the call below it.
MOOR_NOINLINE inline std::uint64_t descend(std::uint64_t frames) {
    std::array<std::uint64_t, 8> locals{};
    benchmark::DoNotOptimize(locals.data());
    locals[frames % locals.size()] = frames;
    const std::uint64_t below = frames == 0 ? 0 : descend(frames - 1);
    benchmark::DoNotOptimize(locals.data());
    return below + locals[frames % locals.size()];
}

/// What descend(frames) must return.
[[nodiscard]] constexpr std::uint64_t descent_sum(std::uint64_t frames) noexcept { return frames * (frames + 1) / 2; }

} // namespace moor::bench::peers
