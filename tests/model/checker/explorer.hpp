// All executions of a scenario, depth first: the choices of one are replayed up to the last that has another way to go.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "execution.hpp"
#include "model.hpp"
#include "sites.hpp"

namespace moor::model {

struct findings {
    std::uint64_t executions = 0; ///< those given up because they led to nothing new included
    std::uint64_t states = 0;
    std::uint64_t too_long = 0;
    std::size_t depth = 0; ///< most steps of one
    bool out_of_time = false;
    std::uint32_t outcomes = 0; ///< a bit for each that was met
    std::string complaint;      ///< empty: nothing is wrong
    std::string trace;          ///< what led to it, a line for each step
};

/// Explores until something is wrong, all is explored, or the time is over. Adds what was executed to `executed`.
[[nodiscard]] findings explore(const scenario& what, const bounds& limits, const planted& fault,
                               std::chrono::steady_clock::duration most_time, executed_sites* executed);

} // namespace moor::model
