// Walks from the interrupted instruction to the end of the innermost preemptible scope, and turns what stops the walk
// into a reason for refusal (law 4).
#include "preempt/safe_point.hpp"

#include <algorithm>

#include "unwind/frame_walk.hpp"
#include "unwind/function_address.hpp"

namespace moor::preempt {
namespace {

preempt_refusal reason_of(unwind::walk_stop stop) noexcept {
    switch (stop) {
    case unwind::walk_stop::outside_image: return preempt_refusal::other_image;
    case unwind::walk_stop::too_deep: return preempt_refusal::too_deep;
    default: return preempt_refusal::bad_frames;
    }
}

} // namespace

safe_point::safe_point()
    : scope_(unwind::without_jump(reinterpret_cast<const void*>(&moor_run_preemptible))),
      locking_(functions_with_locks()) {}

std::optional<preempt_refusal> safe_point::refusal(const CONTEXT& registers, std::uint64_t top) const noexcept {
    unwind::frame_walk walk(image_.code(), unwind::registers_of(registers), {registers.Rsp, top}, scope_, most_frames);
    bool called_a_leaf = false; // the frame before, perhaps: nothing is said of that code
    while (walk.next()) {
        const unwind::walked_frame& here = walk.current();
        if (called_a_leaf && !unwind::follows_call(image_.code(), here.instruction)) {
            return preempt_refusal::bad_frames;
        }
        called_a_leaf = here.in_image && here.function == 0;
        if (here.function != 0 && std::find(locking_.begin(), locking_.end(), here.function) != locking_.end()) {
            return preempt_refusal::other_image;
        }
    }
    return walk.stop() == unwind::walk_stop::reached ? std::optional<preempt_refusal>() : reason_of(walk.stop());
}

} // namespace moor::preempt
