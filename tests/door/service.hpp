// A small service from the beginning of its runtime to the end, which uses every entry of the table of system calls and
// goes on as far as it can when a call fails: what the test of faults runs again and again.
#pragma once

#include <string>
#include <system_error>
#include <vector>

namespace moor::test {

/// What a run said.
struct service_result {
    std::vector<std::error_code> errors; ///< in the order in which its coroutines saw them
    std::vector<std::string> wrong;      ///< what must not be: data that is not right, something left in use
};

/// From a plain thread. Says which part of the run begins (failing_system::enter).
[[nodiscard]] service_result run_service();

} // namespace moor::test
