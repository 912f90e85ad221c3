// What a runtime's scheduler asks of this layer, in one object: see sched/reports.hpp.
#pragma once

#include <memory>

#include <moor/debug.hpp>

#include "sched/reports.hpp"

namespace moor::debug {

/// Throws std::system_error when the process does not take the handlers of the reports.
[[nodiscard]] std::unique_ptr<sched::reports> make_runtime_reports(const debug_switches& switches);

} // namespace moor::debug
