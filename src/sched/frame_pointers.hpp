// The words of a stack that have to change when it moves. Code that the pass of src/compiler has covered leaves one
// kind of them: saved frame pointers. Unwind data says which functions have a frame pointer and where its register was
// saved, so they are found exactly, and nothing else is changed (law 3).
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/growth.hpp"
#include "stack/relocation.hpp"
#include "unwind/frame_shape.hpp"

namespace moor::sched {

struct adjustment {
    std::uint64_t foreign = 0; ///< return address into code that is not covered and forbids the move; 0: there is none
    bool broken = false;       ///< what is at `foreign` is none: something has written over the stack
    std::uint32_t frames = 0;
    std::uint32_t frame_pointers = 0; ///< words changed for them
};

/// Adjusts the copy that `move` has made of a stack whose coroutine is in __morestack, where its registers were saved
/// at `saved` in the old place. When the result names foreign code, the copy is worth nothing.
///
/// All frames are covered code's, and the outermost ones assembly of the library's. When it is called for a throw, the
/// innermost may be other code's whose call has no landing pad: such a frame never runs again, and what it holds is
/// never read, but the registers that it has saved.
[[nodiscard]] adjustment adjust_frames(unwind::frame_shape_cache& shapes, const stack::relocation& move,
                                       const stack::saved_registers& saved) noexcept;

} // namespace moor::sched
