// moor::debug::validate_stack. The coroutine may be resumed at any moment, and nothing keeps it from that: so its block
// is looked at, its stack is copied through the system, which does not mind when the memory goes away, and the copy is
// believed when the coroutine has been in one and the same wait all the time. Law 3 says that its stack has not moved
// then. The walk reads nothing but the copy and the images.
#include <moor/forensics.hpp>

#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include <moor/stack.hpp>

#include "debug/live_runtimes.hpp"
#include "debug/loaded_code.hpp"
#include "debug/stack_walk.hpp"
#include "sched/runtime_core.hpp"
#include "unwind/function_address.hpp"
#include "unwind/unwind.hpp"
#include "win/virtual_memory.hpp"

namespace moor::debug {
namespace {

// ---- The copy ------------------------------------------------------------------------------------------------------

struct parked_stack {
    std::uint64_t resume_at = 0; // where the copy's first byte was
    std::vector<std::byte> contents;

    [[nodiscard]] std::uint64_t top() const noexcept { return resume_at + contents.size(); }
    [[nodiscard]] std::uint64_t to_the_copy() const noexcept {
        return reinterpret_cast<std::uint64_t>(contents.data()) - resume_at;
    }
};

// What a suspended coroutine has saved of its registers, at least.
constexpr std::size_t least_used = 0x120;

// Nothing when it did not stay parked meanwhile.
std::optional<parked_stack> copy_of(const detail::coroutine& block, std::uint64_t id) {
    const std::uint64_t wait = block.parked_wait();
    if (wait == 0) {
        return std::nullopt;
    }
    const stack::memory stack = block.stack;
    const void* const resume_at = block.state.resume_at;
    // Whatever was read so far may be half of this and half of that.
    if (block.parked_wait() != wait || !stack.contains(resume_at)) {
        return std::nullopt;
    }
    parked_stack copy{reinterpret_cast<std::uint64_t>(resume_at), {}};
    copy.contents.resize(reinterpret_cast<std::uint64_t>(stack.top()) - copy.resume_at);
    const bool whole = win::read_memory(resume_at, copy.contents);
    const bool stayed = block.parked_wait() == wait && block.id.load(std::memory_order_acquire) == id;
    if (!whole || !stayed || copy.contents.size() < least_used) {
        return std::nullopt;
    }
    return copy;
}

// ---- The walk ------------------------------------------------------------------------------------------------------

unwind::machine_registers registers_of(const parked_stack& parked) noexcept {
    // Read from the copy; of addresses only the stack pointer follows from where it lies.
    const walk_start start =
        walk_start::of_suspended(reinterpret_cast<context::fcontext_t>(parked.resume_at + parked.to_the_copy()));
    unwind::machine_registers registers;
    registers.instruction = start.instruction;
    registers.stack_pointer() = start.stack_pointer - parked.to_the_copy();
    auto& general = registers.general;
    general[3] = start.rbx;
    general[5] = start.rbp;
    general[6] = start.rsi;
    general[7] = start.rdi;
    std::copy(start.r12_to_r15.begin(), start.r12_to_r15.end(), general.begin() + 12);
    return registers;
}

return_fault judge(const loaded_code& code, std::uint64_t value, std::uint64_t& restored) noexcept {
    if (code.is_return_address(value)) {
        return return_fault::none;
    }
    restored = code.with_upper_half_restored(value);
    if (restored != 0) {
        return return_fault::upper_half_overwritten;
    }
    return code.is_code(value) ? return_fault::no_call_before : return_fault::no_code;
}

// Code that no image's data tells anything of: made at run time, say.
bool is_other_code(const loaded_code& code, std::uint64_t address) noexcept {
    const loaded_code::image* const in = code.image_of(address);
    if (in != nullptr) {
        return in->code.functions().entries().empty();
    }
    stack_range found;
    return find_code(address, found);
}

void walk(const parked_stack& parked, stack_report& report) {
    const loaded_code code;
    const unwind::stack_bounds stack{parked.resume_at, parked.top(), parked.to_the_copy()};
    const std::uint64_t last_function = unwind::without_jump(reinterpret_cast<const void*>(&moor_coroutine_base));
    unwind::machine_registers registers = registers_of(parked);
    for (;;) {
        const std::uint64_t value = registers.instruction;
        report.return_addresses.push_back(value);
        std::uint64_t restored = 0;
        const return_fault fault = judge(code, value, restored);
        if (fault == return_fault::no_code && is_other_code(code, value)) {
            return;
        }
        // The word that the return takes is right below where the stack pointer is after it.
        const std::uint64_t slot = registers.stack_pointer() - sizeof(std::uint64_t);
        if (fault != return_fault::none) {
            report.fault = fault;
            report.slot = slot;
            report.value = value;
            report.restored = restored;
            return;
        }
        const unwind::code_image& image = code.image_of(value)->code;
        const unwind::function_entry* const entry = image.function_at(value);
        const auto whole = entry != nullptr ? image.whole_function(*entry) : std::nullopt;
        if (!whole) {
            return; // it called somebody, so it is no leaf
        }
        if (image.base() + whole->begin == last_function) {
            report.complete = true;
            return;
        }
        const std::uint64_t below = registers.stack_pointer();
        const auto result = unwind::unwind_frame(image, entry, stack, registers);
        if (result == unwind::unwind_result::bad_unwind_data) {
            return;
        }
        if (result == unwind::unwind_result::off_stack || registers.stack_pointer() <= below) {
            report.fault = return_fault::frame_lost;
            report.slot = slot;
            report.value = value;
            return;
        }
    }
}

stack_report validate(std::uint64_t id) {
    stack_report report;
    live_runtimes::for_each([&](detail::runtime_core& each) {
        each.coroutines.for_each([&](detail::coroutine& block) {
            if (id == 0 || block.id.load(std::memory_order_acquire) != id || !block.is_living(id)) {
                return;
            }
            report.state = stack_state::running;
            report.name = block.name();
            constexpr unsigned most_looks = 20; // at one that wakes and parks all the time
            for (unsigned look = 0; look != most_looks; ++look) {
                if (const auto parked = copy_of(block, id)) {
                    report.state = stack_state::parked;
                    walk(*parked, report);
                    return;
                }
            }
        });
    });
    return report;
}

const char* describe(return_fault fault) noexcept {
    switch (fault) {
    case return_fault::none: break;
    case return_fault::upper_half_overwritten: return "its upper half was overwritten";
    case return_fault::no_code: return "it lies in no code";
    case return_fault::no_call_before: return "nothing returns to there";
    case return_fault::frame_lost: return "the frame that it returns to leads off the stack";
    }
    return "nothing is wrong";
}

} // namespace

stack_report validate_stack(std::uint64_t id) {
    return on_system_stack([id] { return validate(id); });
}

std::string stack_report::text() const {
    switch (state) {
    case stack_state::not_found: return "there is no such coroutine";
    case stack_state::running: return fmt::format("coroutine '{}' runs, so that nothing can be said", name);
    case stack_state::parked: break;
    }
    std::string text = fmt::format("coroutine '{}' is parked, {} return addresses seen{}", name,
                                   return_addresses.size(), complete ? " up to its first function" : "");
    if (fault == return_fault::none) {
        return text + (complete ? ", all good" : ", those good; what follows has no unwind data");
    }
    fmt::format_to(std::back_inserter(text), "; the last one, {:#x} at {:#x}, is bad: {}", value, slot,
                   describe(fault));
    if (restored != 0) {
        fmt::format_to(std::back_inserter(text), "; it was {:#x}, most likely", restored);
    }
    return text;
}

} // namespace moor::debug
