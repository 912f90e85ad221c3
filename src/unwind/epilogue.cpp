// Decodes what an epilogue of version 1 may consist of, add rsp or lea rsp, pops, and a return or a jump; looks up
// those of version 2.
#include "unwind/epilogue.hpp"

namespace moor::unwind {
namespace {

// The instructions from one on, up to the function's end.
class instructions {
public:
    instructions(const code_image& image, std::uint32_t rva, std::uint32_t end) noexcept
        : image_(image), rva_(rva), end_(end) {}

    [[nodiscard]] std::uint32_t rva() const noexcept { return rva_; }
    // -1: outside.
    [[nodiscard]] int byte(std::uint32_t distance) const noexcept {
        const auto value = read<std::uint8_t>(distance);
        return value ? int{*value} : -1;
    }
    template <class T>
    [[nodiscard]] std::optional<T> read(std::uint32_t distance) const noexcept {
        const std::uint64_t place = std::uint64_t{rva_} + distance;
        return place + sizeof(T) <= end_ ? image_.read<T>(place) : std::nullopt;
    }
    void skip(std::uint32_t bytes) noexcept { rva_ += bytes; }

private:
    const code_image& image_;
    std::uint32_t rva_;
    std::uint32_t end_;
};

constexpr int wide = 0x48;          // the prefix of 64-bit operands
constexpr int wide_extended = 0x49; // and with a base register from r8 on

std::uint64_t extended(std::int32_t value) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

// Goes past the instruction that frees the frame, if it is one: add rsp, n or lea rsp, [frame register + n]. False
// when it is one whose operand is cut off.
bool take_adjustment(instructions& at, unsigned frame_register, epilogue& found) noexcept {
    const int prefix = at.byte(0);
    std::uint32_t operand_at = 3;
    bool is_short = false;
    if (prefix == wide && (at.byte(1) == 0x83 || at.byte(1) == 0x81) && at.byte(2) == 0xc4) {
        is_short = at.byte(1) == 0x83;
    } else if ((prefix == wide || prefix == wide_extended) && at.byte(1) == 0x8d) {
        const int operands = at.byte(2); // mode, rsp, base
        const int mode = operands & 0xf8;
        const unsigned base = static_cast<unsigned>(operands & 7) + (prefix == wide_extended ? 8u : 0u);
        if (operands < 0 || frame_register == 0 || base != frame_register || (mode != 0x60 && mode != 0xa0)) {
            return true;
        }
        is_short = mode == 0x60;
        if ((operands & 7) == 4) { // r12 is written with one byte more
            if (at.byte(3) != 0x24) {
                return true;
            }
            operand_at = 4;
        }
        found.from_register = static_cast<std::uint8_t>(base);
    } else {
        return true;
    }
    if (is_short) {
        const auto operand = at.read<std::int8_t>(operand_at);
        found.added = extended(operand.value_or(0));
        at.skip(operand_at + 1);
        return operand.has_value();
    }
    const auto operand = at.read<std::int32_t>(operand_at);
    found.added = extended(operand.value_or(0));
    at.skip(operand_at + 4);
    return operand.has_value();
}

// Goes past the pops. False when there are more than registers.
bool take_pops(instructions& at, epilogue& found) noexcept {
    for (;;) {
        const int first = at.byte(0);
        const bool prefixed = first >= 0x40 && first <= 0x4f;
        const int pop = prefixed ? at.byte(1) : first;
        if (pop < 0x58 || pop > 0x5f) {
            return true;
        }
        if (found.pop_count == found.pops.size()) {
            return false;
        }
        const unsigned upper = prefixed && (first & 1) != 0 ? 8u : 0u;
        found.pops[found.pop_count++] = static_cast<std::uint8_t>(static_cast<unsigned>(pop - 0x58) + upper);
        at.skip(prefixed ? 2 : 1);
    }
}

// Goes past vzeroupper, which compilers put right before the end of functions that have used wide vectors.
void take_end_of_vectors(instructions& at) noexcept {
    if (at.byte(0) == 0xc5 && at.byte(1) == 0xf8 && at.byte(2) == 0x77) {
        at.skip(3);
    }
}

// Whether a jump there leaves the function.
bool leaves(const code_image& image, const function_entry& entry, const code_image::located_info& info,
            std::uint64_t target) noexcept {
    if (target >= entry.begin && target < entry.end) {
        return target == entry.begin && !info.info.is_chained(); // calls itself
    }
    const function_entry* const there = image.function_at(image.base() + target);
    if (there == nullptr) {
        return true;
    }
    const auto theirs = image.whole_function(*there);
    const auto ours = image.whole_function(entry);
    return !theirs || !ours || theirs->begin != ours->begin || target == ours->begin;
}

// Whether the instruction leaves the function in the way that ends an epilogue.
bool take_end(const code_image& image, const function_entry& entry, const code_image::located_info& info,
              const instructions& at, epilogue& found) noexcept {
    switch (const int first = at.byte(0); first) {
    case 0xc3: return true;
    case 0xc2: // ret n
        found.removed_by_return = at.read<std::uint16_t>(1).value_or(0);
        return true;
    case 0xf2: // the same with a prefix that processors once wanted
    case 0xf3: return at.byte(1) == 0xc3;
    case 0xeb: {
        const auto distance = at.read<std::int8_t>(1);
        return distance && leaves(image, entry, info, std::uint64_t{at.rva()} + 2 + extended(*distance));
    }
    case 0xe9: {
        const auto distance = at.read<std::int32_t>(1);
        return distance && leaves(image, entry, info, std::uint64_t{at.rva()} + 5 + extended(*distance));
    }
    case 0xff: return at.byte(1) == 0x25; // jmp [address]
    default: // jmp register or [register], with a prefix that tells it from the jump of a switch statement
        return first >= wide && first <= 0x4f && at.byte(1) == 0xff && (at.byte(2) & 0x38) == 0x20;
    }
}

// For version 2: the end of the epilogue that `rva` is in; 0 when it is in none.
std::uint32_t stated_end(const code_image& image, const function_entry& entry, const code_image::located_info& at,
                         std::uint32_t rva) noexcept {
    std::uint32_t size = 0;
    for (unsigned index = 0; index != at.info.code_count; ++index) {
        const auto each = image.read<unwind_code>(std::uint64_t{at.rva} + sizeof at.info + index * sizeof(unwind_code));
        if (!each || each->operation() != unwind_operation::epilogue) {
            break; // they come first
        }
        std::uint32_t from_end = each->offset + each->info() * 256u;
        if (index == 0) {
            size = each->offset; // of each
            from_end = (each->info() & 1u) != 0 ? size : 0;
        }
        // 0 is no epilogue but fills up.
        if (from_end != 0 && from_end <= entry.end - entry.begin) {
            const std::uint32_t begin = entry.end - from_end;
            if (rva >= begin && rva - begin < size) {
                return size <= entry.end - begin ? begin + size : entry.end;
            }
        }
    }
    return 0;
}

} // namespace

std::optional<epilogue> find_epilogue(const code_image& image, const function_entry& entry,
                                      const code_image::located_info& at, std::uint32_t rva) noexcept {
    epilogue found;
    if (at.info.code_count == 0) {
        return std::nullopt; // there is nothing to undo
    }
    if (at.info.version() == 2) {
        const std::uint32_t end = stated_end(image, entry, at, rva);
        instructions next(image, rva, end);
        // What follows the pops returns, or is a jump of any form.
        if (end == 0 || !take_adjustment(next, at.info.frame_register(), found) || !take_pops(next, found)) {
            return std::nullopt;
        }
        return found;
    }
    instructions next(image, rva, entry.end);
    if (!take_adjustment(next, at.info.frame_register(), found) || !take_pops(next, found)) {
        return std::nullopt;
    }
    take_end_of_vectors(next);
    if (!take_end(image, entry, at, next, found)) {
        return std::nullopt;
    }
    return found;
}

} // namespace moor::unwind
