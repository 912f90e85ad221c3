// Walks a stack that is about to move by its unwind data, and notes the place of each saved frame pointer (law 3).
#include "sched/frame_pointers.hpp"

#include <algorithm>
#include <array>

namespace moor::sched {
namespace {

using stack::relocation;
using unwind::frame_owner;
using unwind::frame_shape;

constexpr std::size_t word = sizeof(std::uint64_t);

// Where each register lies that functions save, in the old place: by its index in frame_shape::registers.
using register_places = std::array<const std::byte*, frame_shape::registers.size()>;

register_places places_in(const stack::saved_registers& saved) noexcept {
    // By the order of saved_registers::general: rbx rbp rsi rdi r12 r13 r14 r15.
    constexpr std::array<std::size_t, frame_shape::registers.size()> index{11, 12, 9, 10, 8, 7, 6, 5};
    register_places places{};
    std::transform(index.begin(), index.end(), places.begin(),
                   [&saved](std::size_t at) { return reinterpret_cast<const std::byte*>(&saved.general[at]); });
    return places;
}

std::size_t index_of(unsigned number) noexcept {
    return static_cast<std::size_t>(std::find(frame_shape::registers.begin(), frame_shape::registers.end(), number) -
                                    frame_shape::registers.begin());
}

class walk {
public:
    walk(unwind::frame_shape_cache& shapes, const relocation& move, const stack::saved_registers& saved) noexcept
        : shapes_(shapes), move_(move), places_(places_in(saved)),
          stack_pointer_(reinterpret_cast<const std::byte*>(&saved) + stack::saved_bytes),
          only_abandoned_(saved.reason == stack::saved_registers::for_throw) {}

    adjustment run() noexcept {
        if (!return_to(stack_pointer_)) {
            return broken();
        }
        for (;;) {
            const frame_shape& shape = shapes_.at(instruction_);
            ++result_.frames;
            if (shape.owner == frame_owner::unknown) {
                return broken();
            }
            only_abandoned_ = only_abandoned_ && shape.owner == frame_owner::other && shape.ends_by_exception;
            if (shape.owner == frame_owner::other && !only_abandoned_) {
                return refused();
            }
            if (!leave(shape)) {
                return broken();
            }
            if (shape.owner == frame_owner::outermost) {
                return result_;
            }
        }
    }

private:
    // Takes the return address at `place`. False when that is not on the stack.
    bool return_to(const std::byte* place) noexcept {
        if (place < stack_pointer_ || place + word > move_.top()) {
            return false;
        }
        instruction_ = relocation::word_at(place);
        stack_pointer_ = place + word;
        return true;
    }

    // From the frame to its caller's.
    bool leave(const frame_shape& shape) noexcept {
        const std::byte* fixed = stack_pointer_;
        if (shape.frame_register != frame_shape::no_register) {
            const std::size_t index = index_of(shape.frame_register);
            if (index == places_.size()) {
                return false;
            }
            const std::uint64_t pointer = relocation::word_at(places_[index]);
            if (!move_.covers(pointer) || pointer % word != 0) {
                return false;
            }
            fixed = reinterpret_cast<const std::byte*>(pointer) - shape.frame_offset;
            if (fixed < stack_pointer_) {
                return false;
            }
            result_.frame_pointers += move_.adjust(places_[index]) ? 1 : 0;
        }
        for (std::size_t index = 0; index != places_.size(); ++index) {
            if (shape.saved[index] != frame_shape::not_saved) {
                places_[index] = fixed + shape.saved[index] * word;
                if (places_[index] + word > move_.top()) {
                    return false;
                }
            }
        }
        return shape.owner == frame_owner::outermost || return_to(fixed + shape.bytes);
    }

    adjustment broken() noexcept {
        result_.broken = true;
        return refused();
    }

    adjustment refused() noexcept {
        result_.foreign = instruction_ != 0 ? instruction_ : 1;
        return result_;
    }

    unwind::frame_shape_cache& shapes_;
    const relocation& move_;
    register_places places_;
    const std::byte* stack_pointer_;
    std::uint64_t instruction_ = 0;
    bool only_abandoned_; // all frames so far have thrown, and none of them will handle it
    adjustment result_;
};

} // namespace

adjustment adjust_frames(unwind::frame_shape_cache& shapes, const relocation& move,
                         const stack::saved_registers& saved) noexcept {
    return walk(shapes, move, saved).run();
}

} // namespace moor::sched
