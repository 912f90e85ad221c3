// The soak: rounds in which everything that moor has runs at once in one process and one runtime that lives through all
// of them, beside one that is made and shut down in each, and a look at what is left after each round.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "soak/figures.hpp"

namespace moor::test {

/// Something that stays behind after each round, to see that it is found.
class planted_leak {
public:
    planted_leak() = default;
    planted_leak(const planted_leak&) = delete;
    planted_leak& operator=(const planted_leak&) = delete;
    virtual ~planted_leak() = default;

    /// From a plain thread, after a round.
    virtual void plant(runtime& running) = 0;
    /// At the end: all that was planted.
    virtual void take_back(runtime& running) = 0;
};

struct soak_plan {
    std::uint32_t seed = 1; ///< of the first round; each further one has the next
    /// So many rounds, or as many as begin within `length`.
    std::size_t rounds = 0;
    std::chrono::milliseconds length{0};
    std::chrono::milliseconds round_length{1500};
    bool under_load = true; ///< otherwise the rounds are empty
    planted_leak* leak = nullptr;
    std::size_t rounds_per_line = 25;
    stack_kind stack = stack_kind::movable;
};

struct soak_result {
    std::vector<figures> history;    ///< one of each round
    std::vector<std::string> faults; ///< empty when all is well
};

/// Runs it, prints a line now and then and a table at the end. After a round that went wrong it ends.
[[nodiscard]] soak_result run_soak(const soak_plan& plan);

} // namespace moor::test
