// Whether a suspended thread is at a safe point, as far as its frames say: law 4 wants all of them, up to the innermost
// preemptible scope, in the main image.
#pragma once

#include <cstdint>
#include <optional>

#include <moor/preempt.hpp>

#include "preempt/support_code.hpp"
#include "unwind/main_image.hpp"
#include "win/windows.hpp"

namespace moor::preempt {

class safe_point {
public:
    /// Made when the runtime starts, since it may allocate.
    safe_point();

    /// Why code with these registers must not be interrupted, as far as its frames say; nothing when it may. Called
    /// while its thread is suspended: takes no lock and allocates nothing. The stack is in use from the registers'
    /// stack pointer up to `top`.
    [[nodiscard]] std::optional<preempt_refusal> refusal(const CONTEXT& registers, std::uint64_t top) const noexcept;

    [[nodiscard]] const unwind::main_image& image() const noexcept { return image_; }

    /// Frames from the innermost up to that of the scope, at most.
    static constexpr unsigned most_frames = 256;

private:
    unwind::main_image image_;
    std::uint64_t scope_; // the function that is the outermost frame of every scope
    decltype(functions_with_locks()) locking_;
};

} // namespace moor::preempt
