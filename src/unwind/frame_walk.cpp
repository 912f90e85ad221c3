// One step undoes a frame, checks that the return address follows a call, and looks up the function there (law 4: no
// lock, no allocation).
#include "unwind/frame_walk.hpp"

namespace moor::unwind {

frame_walk::frame_walk(const code_image& image, const machine_registers& registers, const stack_bounds& stack,
                       std::uint64_t last_function, unsigned limit) noexcept
    : image_(image), registers_(registers), stack_(stack), last_function_(last_function), limit_(limit) {}

bool frame_walk::next() noexcept {
    if (stop_ != walk_stop::not_yet) {
        return false;
    }
    if (frames_ == limit_) {
        stop_ = walk_stop::too_deep;
        return false;
    }
    if (frames_ != 0 && !unwind()) {
        return false;
    }
    arrive();
    return true;
}

bool frame_walk::unwind() noexcept {
    switch (unwind_frame(image_, entry_, stack_, registers_)) {
    case unwind_result::done: return true;
    case unwind_result::off_stack: stop_ = walk_stop::off_stack; return false;
    case unwind_result::bad_unwind_data: stop_ = walk_stop::bad_unwind_data; return false;
    }
    return false;
}

void frame_walk::arrive() noexcept {
    const std::uint64_t below = current_.stack_pointer;
    current_ = {registers_.instruction, registers_.stack_pointer(), 0, false};
    const bool innermost = frames_++ == 0;
    if (!innermost && current_.stack_pointer <= below) {
        stop_ = walk_stop::not_rising;
        return;
    }
    if (!stack_.contains(current_.stack_pointer) || current_.stack_pointer % sizeof(std::uint64_t) != 0) {
        stop_ = walk_stop::off_stack;
        return;
    }
    current_.in_image = image_.contains_code(current_.instruction);
    if (!current_.in_image) {
        stop_ = walk_stop::outside_image;
        return;
    }
    entry_ = image_.function_at(current_.instruction);
    if (entry_ == nullptr) {
        // Only a leaf does without unwind data, and a leaf calls nobody.
        stop_ = innermost ? walk_stop::not_yet : walk_stop::bad_unwind_data;
        return;
    }
    const auto whole = image_.whole_function(*entry_);
    if (!whole) {
        stop_ = walk_stop::bad_unwind_data;
        return;
    }
    current_.function = image_.base() + whole->begin;
    if (current_.function == last_function_) {
        stop_ = walk_stop::reached;
    }
}

} // namespace moor::unwind
