// Running a scenario in a child process, to see how it ends it and what it says.
#pragma once

#include <cstdint>
#include <string>

#include "support/scenario.hpp"

namespace moor::test {

/// How a child process ended.
struct child_end {
    std::uint32_t exit_status = 0;
    bool hung = false;        ///< it had to be ended by force
    std::string error_output; ///< all that it wrote to its standard error
};

/// Runs `wanted` in a child process and waits for its end. Throws std::system_error when it cannot be started.
[[nodiscard]] child_end run_in_child(const scenario& wanted);

} // namespace moor::test
