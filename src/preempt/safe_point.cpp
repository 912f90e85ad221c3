// See safe_point.hpp.
#include "preempt/safe_point.hpp"

#include <algorithm>

#include "preempt/frame_walk.hpp"
#include "win/function_address.hpp"

namespace moor::preempt {
namespace {

preempt_refusal reason_of(walk_stop stop) noexcept {
    switch (stop) {
    case walk_stop::outside_image: return preempt_refusal::other_image;
    case walk_stop::too_deep: return preempt_refusal::too_deep;
    default: return preempt_refusal::bad_frames;
    }
}

} // namespace

safe_point::safe_point()
    : scope_(win::without_jump(reinterpret_cast<const void*>(&detail::run_preemptible))),
      locking_(functions_with_locks()) {}

std::optional<preempt_refusal> safe_point::refusal(const CONTEXT& registers, std::uint64_t top) const noexcept {
    frame_walk walk(image_.code(), registers_of(registers), {registers.Rsp, top}, scope_, most_frames);
    bool called_a_leaf = false; // the frame before, perhaps: nothing is said of that code
    while (walk.next()) {
        const walked_frame& here = walk.current();
        if (called_a_leaf && !follows_call(here.instruction)) {
            return preempt_refusal::bad_frames;
        }
        called_a_leaf = here.in_image && here.function == 0;
        if (here.function != 0 && std::find(locking_.begin(), locking_.end(), here.function) != locking_.end()) {
            return preempt_refusal::other_image;
        }
    }
    return walk.stop() == walk_stop::reached ? std::optional<preempt_refusal>() : reason_of(walk.stop());
}

// Whether the bytes before that address in the image are those of a call: by a distance, or through a register or
// memory with a displacement of none, 8 or 32 bits, with an index or without (Intel's manual, volume 2, CALL).
bool safe_point::follows_call(std::uint64_t address) const noexcept {
    constexpr std::uint8_t near_call = 0xe8;
    constexpr std::uint8_t indirect = 0xff;
    const auto byte = [this, address](unsigned before) {
        return image_.code().read<std::uint8_t>(address - before - image_.base()).value_or(0);
    };
    if (byte(5) == near_call) {
        return true;
    }
    for (unsigned length = 2; length <= 7; ++length) {
        constexpr unsigned call = 2; // the middle three bits of the byte that follows
        if (byte(length) == indirect && ((byte(length - 1) >> 3u) & 7u) == call) {
            return true;
        }
    }
    return false;
}

} // namespace moor::preempt
