// Every place in the I/O layer that calls the system otherwise than by an overlapped function, with what a test does to
// get there and what the library makes of a failure.
#pragma once

#include <span>
#include <system_error>

#include "iocp/documented_errors.hpp"
#include "iocp/fault_world.hpp"
#include "iocp/faults.hpp"

namespace moor::test {

enum class reaction : unsigned {
    reports,     ///< the call that the user made reports the system's error
    passes_over, ///< it succeeds: the library does without, or tries again
};

struct fault_site {
    const char* name;
    imported which;
    error_list errors;
    reaction expected;
    /// Makes the user's call; whatever it opens is closed when it returns. Reports its error.
    std::error_code (*reach)(fault_world& world);
    int option = any_option; ///< of socket options and controls
    unsigned passed = 0;     ///< calls of that function that come before
};

[[nodiscard]] std::span<const fault_site> fault_sites();

} // namespace moor::test
