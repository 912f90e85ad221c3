// The rules are those of Microsoft's "x64 exception handling"; the ones about epilogues say which instructions one may
// consist of, so that they can be told from the function's body.
#include "unwind/unwind.hpp"

#include <cstring>

#include "unwind/epilogue.hpp"

namespace moor::unwind {

std::optional<std::uint64_t> stack_bounds::word_at(std::uint64_t address) const noexcept {
    std::uint64_t word = 0;
    if (address < lowest || address > top || top - address < sizeof word) {
        return std::nullopt;
    }
    std::memcpy(&word, reinterpret_cast<const void*>(address + to_the_copy), sizeof word);
    return word;
}

namespace {

constexpr std::uint32_t whole_prologue = UINT32_MAX;

// One frame being undone.
class undoing {
public:
    undoing(const code_image& image, const stack_bounds& stack, machine_registers& registers) noexcept
        : image_(image), stack_(stack), registers_(registers) {}

    [[nodiscard]] unwind_result function(const function_entry& entry) noexcept;

    [[nodiscard]] unwind_result take_return_address() noexcept {
        if (!pop_into(registers_.instruction)) {
            return unwind_result::off_stack;
        }
        return unwind_result::done;
    }

private:
    [[nodiscard]] unwind_result codes(const code_image::located_info& at, std::uint32_t reached) noexcept;
    [[nodiscard]] unwind_result code(const unwind_code& each, std::uint32_t operand) noexcept;
    [[nodiscard]] unwind_result leave(const epilogue& rest) noexcept;
    [[nodiscard]] unwind_result machine_frame(bool error_code) noexcept;
    [[nodiscard]] std::optional<std::uint64_t> find_frame(const code_image::located_info& at,
                                                          std::uint32_t reached) const noexcept;

    [[nodiscard]] bool load(std::uint64_t& into, std::uint64_t address) const noexcept {
        const auto word = stack_.word_at(address);
        into = word.value_or(0);
        return word.has_value();
    }
    [[nodiscard]] bool pop_into(std::uint64_t& into) noexcept {
        const std::uint64_t from = registers_.stack_pointer();
        registers_.stack_pointer() = from + sizeof(std::uint64_t);
        return load(into, from);
    }

    const code_image& image_;
    const stack_bounds& stack_;
    machine_registers& registers_;
    std::uint64_t frame_ = 0; // what saved registers are found by: the stack pointer after the prologue
    bool has_frame_register_ = false;
    bool interrupted_ = false; // a machine frame said where the caller goes on
};

unwind_result undoing::function(const function_entry& entry) noexcept {
    const auto rva = static_cast<std::uint32_t>(registers_.instruction - image_.base());
    auto at = image_.unwind_info_of(entry);
    if (!at) {
        return unwind_result::bad_unwind_data;
    }
    const std::uint32_t offset = rva - entry.begin;
    const std::uint32_t reached = offset < at->info.prologue_bytes ? offset : whole_prologue;
    if (reached == whole_prologue) {
        if (const auto rest = find_epilogue(image_, entry, *at, rva)) {
            return leave(*rest);
        }
    }
    const auto frame = find_frame(*at, reached);
    if (!frame) {
        return unwind_result::bad_unwind_data;
    }
    frame_ = *frame;
    unwind_result result = codes(*at, reached);
    // Whoever is in a part of a function is past the prologues of those that it is chained to.
    for (unsigned links = 0; result == unwind_result::done && at->info.is_chained(); ++links) {
        const auto next = image_.chained_to(*at);
        at = next && links != code_image::longest_chain ? image_.unwind_info_of(*next) : std::nullopt;
        result = at ? codes(*at, whole_prologue) : unwind_result::bad_unwind_data;
    }
    if (result != unwind_result::done || interrupted_) {
        return result;
    }
    return take_return_address();
}

// Nothing when the codes make no sense.
std::optional<std::uint64_t> undoing::find_frame(const code_image::located_info& at,
                                                 std::uint32_t reached) const noexcept {
    const unsigned number = at.info.frame_register();
    if (number == 0) {
        return registers_.stack_pointer();
    }
    const std::uint64_t stated = registers_.general[number] - at.info.frame_offset();
    if (reached == whole_prologue || at.info.is_chained()) {
        return stated;
    }
    // In the prologue, the register is the frame's only after the instruction that sets it.
    for (unsigned index = 0; index < at.info.code_count;) {
        const auto each = image_.read<unwind_code>(at.rva + sizeof at.info + index * sizeof(unwind_code));
        const unsigned slots = each ? each->slots(at.info.version()) : 0;
        if (slots == 0) {
            return std::nullopt;
        }
        if (each->operation() == unwind_operation::set_frame_register) {
            return each->offset <= reached ? stated : registers_.stack_pointer();
        }
        index += slots;
    }
    return registers_.stack_pointer();
}

// Undoes what the prologue has done in its first `reached` bytes, the last first: that is the order of the codes.
unwind_result undoing::codes(const code_image::located_info& at, std::uint32_t reached) noexcept {
    has_frame_register_ = at.info.frame_register() != 0;
    for (unsigned index = 0; index < at.info.code_count;) {
        const std::uint64_t place = at.rva + sizeof at.info + index * sizeof(unwind_code);
        const auto each = image_.read<unwind_code>(place);
        const unsigned slots = each ? each->slots(at.info.version()) : 0;
        if (slots == 0 || index + slots > at.info.code_count) {
            return unwind_result::bad_unwind_data;
        }
        index += slots;
        if (each->offset > reached) {
            continue;
        }
        std::uint32_t operand = 0;
        if (slots == 2) {
            const auto low = image_.read<std::uint16_t>(place + sizeof *each);
            if (!low) {
                return unwind_result::bad_unwind_data;
            }
            operand = *low;
        } else if (slots == 3) {
            const auto full = image_.read<std::uint32_t>(place + sizeof *each);
            if (!full) {
                return unwind_result::bad_unwind_data;
            }
            operand = *full;
        }
        const unwind_result result = code(*each, operand);
        if (result != unwind_result::done) {
            return result;
        }
    }
    return unwind_result::done;
}

unwind_result undoing::code(const unwind_code& each, std::uint32_t operand) noexcept {
    bool readable = true;
    switch (each.operation()) {
    case unwind_operation::push_nonvolatile: readable = pop_into(registers_.general[each.info()]); break;
    case unwind_operation::allocate_large:
        registers_.stack_pointer() += each.info() == 0 ? std::uint64_t{operand} * 8 : operand;
        break;
    case unwind_operation::allocate_small: registers_.stack_pointer() += std::uint64_t{each.info()} * 8 + 8; break;
    case unwind_operation::set_frame_register:
        if (!has_frame_register_) {
            return unwind_result::bad_unwind_data;
        }
        registers_.stack_pointer() = frame_;
        break;
    case unwind_operation::save_nonvolatile:
        readable = load(registers_.general[each.info()], frame_ + std::uint64_t{operand} * 8);
        break;
    case unwind_operation::save_nonvolatile_far:
        readable = load(registers_.general[each.info()], frame_ + operand);
        break;
    case unwind_operation::push_machine_frame: return machine_frame(each.info() != 0);
    default: break; // saved vector registers, places of epilogues
    }
    return readable ? unwind_result::done : unwind_result::off_stack;
}

// What the processor pushes when it is interrupted: instruction, code segment, flags, stack pointer, stack segment.
unwind_result undoing::machine_frame(bool error_code) noexcept {
    const std::uint64_t frame = registers_.stack_pointer() + (error_code ? sizeof(std::uint64_t) : 0);
    interrupted_ = true;
    if (!load(registers_.instruction, frame) || !load(registers_.stack_pointer(), frame + 3 * sizeof(std::uint64_t))) {
        return unwind_result::off_stack;
    }
    return unwind_result::done;
}

// Does what is left of an epilogue.
unwind_result undoing::leave(const epilogue& rest) noexcept {
    if (rest.from_register) {
        registers_.stack_pointer() = registers_.general[*rest.from_register];
    }
    registers_.stack_pointer() += rest.added;
    for (unsigned index = 0; index != rest.pop_count; ++index) {
        if (!pop_into(registers_.general[rest.pops[index]])) {
            return unwind_result::off_stack;
        }
    }
    const unwind_result result = take_return_address();
    registers_.stack_pointer() += rest.removed_by_return;
    return result;
}

} // namespace

unwind_result unwind_frame(const code_image& image, const function_entry* entry, const stack_bounds& stack,
                           machine_registers& registers) noexcept {
    undoing now(image, stack, registers);
    return entry == nullptr ? now.take_return_address() : now.function(*entry);
}

} // namespace moor::unwind
