// The rules are those of Microsoft's "x64 exception handling", as in unwind.cpp; this reads them once for a place in
// the code, that one undoes one frame of a thread anywhere in a function.
#include "unwind/frame_shape.hpp"

#include <algorithm>
#include <string_view>

#include "unwind/function_address.hpp"
#include "unwind/landing_pads.hpp"
#include "unwind/main_image.hpp"
#include "win/loader.hpp"

namespace moor::unwind {

namespace {

constexpr std::string_view section_of_covered_code = ".movable"; // src/compiler

class reading {
public:
    reading(const code_image& image, frame_shape& shape) noexcept : image_(image), shape_(shape) {
        shape_.saved.fill(frame_shape::not_saved);
    }

    // False when the codes make no sense.
    bool codes(const code_image::located_info& at) noexcept {
        for (unsigned index = 0; index < at.info.code_count;) {
            const std::uint64_t place = at.rva + sizeof at.info + index * sizeof(unwind_code);
            const auto each = image_.read<unwind_code>(place);
            const unsigned slots = each ? each->slots(at.info.version()) : 0;
            if (slots == 0 || index + slots > at.info.code_count) {
                return false;
            }
            index += slots;
            std::uint32_t operand = 0;
            if (slots == 2) {
                operand = image_.read<std::uint16_t>(place + sizeof *each).value_or(0);
            } else if (slots == 3) {
                operand = image_.read<std::uint32_t>(place + sizeof *each).value_or(0);
            }
            if (!code(at, *each, operand)) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] std::uint64_t reached() const noexcept { return reached_; }

private:
    bool code(const code_image::located_info& at, const unwind_code& each, std::uint32_t operand) noexcept {
        switch (each.operation()) {
        case unwind_operation::push_nonvolatile:
            note(each.info(), reached_);
            reached_ += sizeof(std::uint64_t);
            return true;
        case unwind_operation::allocate_large:
            reached_ += each.info() == 0 ? std::uint64_t{operand} * 8 : operand;
            return true;
        case unwind_operation::allocate_small: reached_ += std::uint64_t{each.info()} * 8 + 8; return true;
        case unwind_operation::set_frame_register:
            if (at.info.frame_register() == 0) {
                return false;
            }
            shape_.frame_register = static_cast<std::uint8_t>(at.info.frame_register());
            shape_.frame_offset = static_cast<std::uint8_t>(at.info.frame_offset());
            reached_ = 0;
            return true;
        case unwind_operation::save_nonvolatile: note(each.info(), std::uint64_t{operand} * 8); return true;
        case unwind_operation::save_nonvolatile_far: note(each.info(), operand); return true;
        case unwind_operation::push_machine_frame: return false; // no call has come from such a frame
        default: return true;                                    // vector registers, places of epilogues
        }
    }

    void note(unsigned number, std::uint64_t at) noexcept {
        for (std::size_t index = 0; index != frame_shape::registers.size(); ++index) {
            if (frame_shape::registers[index] == number) {
                shape_.saved[index] =
                    static_cast<std::uint16_t>(std::min<std::uint64_t>(at / 8, frame_shape::not_saved));
            }
        }
    }

    const code_image& image_;
    frame_shape& shape_;
    std::uint64_t reached_ = 0; // bytes from the fixed place, as the prologue is undone
};

} // namespace

frame_shape read_frame_shape(const code_image& image, std::uint64_t return_address) noexcept {
    frame_shape shape;
    shape.return_address = return_address;
    // A call may be the last instruction of a function.
    const function_entry* const entry =
        image.contains_code(return_address) ? image.function_at(return_address - 1) : nullptr;
    auto at = entry != nullptr ? image.unwind_info_of(*entry) : std::nullopt;
    function_entry part = entry != nullptr ? *entry : function_entry{};
    reading read(image, shape);
    for (unsigned links = 0;; ++links) {
        if (!at || !read.codes(*at)) {
            return shape;
        }
        if (!at->info.is_chained()) {
            break;
        }
        const auto next = image.chained_to(*at);
        at = next && links != code_image::longest_chain ? image.unwind_info_of(*next) : std::nullopt;
        part = next ? *next : part;
    }
    if (read.reached() > UINT32_MAX) {
        return shape;
    }
    shape.bytes = static_cast<std::uint32_t>(read.reached());
    shape.owner = frame_owner::other;
    shape.ends_by_exception = !may_have_landing_pad(image, part, *at, return_address);
    return shape;
}

movable_code::movable_code(const void* outermost, std::span<const void* const> base)
    : image_(read_code_image(win::program_image())), outermost_(without_jump(outermost)) {
    for (const void* const each : base) {
        base_functions_.push_back(without_jump(each));
    }
    const auto* const image = reinterpret_cast<const std::byte*>(win::program_image());
    const auto& start = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& stated = *reinterpret_cast<const IMAGE_NT_HEADERS64*>(image + start.e_lfanew);
    if (const auto headers = read_image_headers({image, stated.OptionalHeader.SizeOfHeaders})) {
        for (const image_section& each : headers->sections) {
            if (each.name() == section_of_covered_code) {
                covered_ = each.part;
            }
        }
    }
}

frame_owner movable_code::owner_of(std::uint64_t function) const noexcept {
    if (covers(function)) {
        return frame_owner::covered;
    }
    if (function == outermost_) {
        return frame_owner::outermost;
    }
    return std::find(base_functions_.begin(), base_functions_.end(), function) != base_functions_.end()
               ? frame_owner::base
               : frame_owner::other;
}

frame_shape movable_code::shape_at(std::uint64_t return_address) const noexcept {
    frame_shape shape = read_frame_shape(image_, return_address);
    if (shape.owner == frame_owner::other) {
        const auto whole = image_.whole_function(*image_.function_at(return_address - 1));
        shape.owner = whole ? owner_of(image_.base() + whole->begin) : frame_owner::unknown;
    }
    return shape;
}

} // namespace moor::unwind
