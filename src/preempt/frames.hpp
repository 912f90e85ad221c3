// The frames of a suspended thread, judged: law 4 wants all of them, up to the innermost preemptible scope, in the main
// image.
#pragma once

#include <cstdint>
#include <optional>

#include <moor/preempt.hpp>

#include "win/windows.hpp"

namespace moor::preempt {

struct address_range {
    std::uint64_t lowest = 0;
    std::uint64_t top = 0;
};

/// Why code with these registers must not be interrupted, as far as its frames say; nothing when it may. `stack` is the
/// coroutine's.
[[nodiscard]] std::optional<preempt_refusal> refusal_by_frames(const CONTEXT& registers, address_range stack) noexcept;

} // namespace moor::preempt
