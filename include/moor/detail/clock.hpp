// The library's clock: of every deadline, timer and time slice. Nothing else of the library reads time (law 7), so that
// a test can stop it, move it on and make it coarse.
#pragma once

#include <chrono>

namespace moor::detail {

/// The type of its time points.
using wait_clock = std::chrono::steady_clock;

/// The time by that clock. Two readings may be equal, however much happened between them. Any thread; never suspends.
[[nodiscard]] wait_clock::time_point now() noexcept;

} // namespace moor::detail
