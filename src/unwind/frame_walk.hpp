// A walk over the frames of a suspended thread, from the innermost one outwards, within the code of one image: what
// law 4 demands to be known before the thread may be diverted. It may be made while the thread is suspended, whatever
// locks that holds: it takes none, allocates nothing, calls nothing of the system's, and reads only the image and,
// each read checked first, the given stack. (debug/stack_walk.hpp is for a thread's own stacks: it crosses from one to
// another and through any image, by the system's functions.)
#pragma once

#include <cstdint>

#include "unwind/code_image.hpp"
#include "unwind/unwind.hpp"

namespace moor::unwind {

/// Why a walk ended.
enum class walk_stop : std::uint8_t {
    not_yet,
    reached,         ///< the last frame is one of the function that was looked for
    outside_image,   ///< the last frame is not in the image's code
    off_stack,       ///< the last frame's stack pointer, or what tells its caller, is not on the stack
    not_rising,      ///< the last frame is not above the one that it called
    too_deep,        ///< as many frames as allowed, and none was of the function looked for
    bad_unwind_data, ///< the last frame's makes no sense, or is missing although it has called a function
};

struct walked_frame {
    std::uint64_t instruction = 0;   ///< goes on here
    std::uint64_t stack_pointer = 0; ///< as it is then
    /// Where the function begins, also from a part of it. 0: it has no unwind data, which only the innermost frame may
    /// lack. Then it is taken for a leaf, but may as well be assembler that keeps to no rule (MinGW's check of the
    /// stack for large frames pushes registers) or a function whose unwind data the linker has lost (LLD 14 does that
    /// to parts of GCC's C++ library): the frames above it need not be the true ones, so do not rely on them.
    std::uint64_t function = 0;
    bool in_image = false; ///< the instruction lies in the image's code
};

///     frame_walk walk(image, registers, stack, function, limit);
///     while (walk.next()) { judge(walk.current()); }
///     if (walk.stop() == walk_stop::reached) { ... }
class frame_walk {
public:
    /// The thread goes on with `registers`, and all of `stack` is readable. The walk ends at a frame of the function
    /// that begins at `last_function` (without_jump), and after `limit` frames.
    frame_walk(const code_image& image, const machine_registers& registers, const stack_bounds& stack,
               std::uint64_t last_function, unsigned limit) noexcept;

    /// Goes to the next frame; the first time to the innermost one. False at the end. A frame with which something is
    /// wrong is still gone to.
    [[nodiscard]] bool next() noexcept;

    [[nodiscard]] const walked_frame& current() const noexcept { return current_; }
    [[nodiscard]] walk_stop stop() const noexcept { return stop_; }
    [[nodiscard]] unsigned frames() const noexcept { return frames_; }
    /// Those of the current frame, but no vector registers: the non-volatile ones are what the function will find.
    [[nodiscard]] const machine_registers& registers() const noexcept { return registers_; }

private:
    [[nodiscard]] bool unwind() noexcept;
    void arrive() noexcept;

    const code_image& image_;
    machine_registers registers_;
    stack_bounds stack_;
    std::uint64_t last_function_;
    unsigned limit_;
    const function_entry* entry_ = nullptr; // of the current frame
    walked_frame current_;
    unsigned frames_ = 0;
    walk_stop stop_ = walk_stop::not_yet;
};

} // namespace moor::unwind
