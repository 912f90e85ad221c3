// What a runtime is asked for, made whole: defaults filled in, switches from the environment applied, sizes rounded,
// and what cannot be refused before anything is made.
#pragma once

#include <moor/runtime.hpp>

namespace moor::sched {

/// Throws std::system_error: invalid_argument for what no runtime can be, not_supported for a process in which no
/// coroutine can run. MOOR_DEBUG goes before what the program says.
[[nodiscard]] runtime_options checked(runtime_options options);

} // namespace moor::sched
