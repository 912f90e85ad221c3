// Unwinds frame by frame with the functions of the system, after a check that the memory to be read lies on one of the
// given stacks.
#include "debug/stack_walk.hpp"

#include <cstring>

#include "unwind/function_address.hpp"
#include "unwind/unwind_info.hpp"
#include "win/loader.hpp"

namespace moor::debug {
namespace {

std::uint64_t word_at(std::uint64_t address) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
    return word;
}

using unwind::unwind_info;

const RUNTIME_FUNCTION& chained_to(const unwind_info& info) noexcept {
    return *reinterpret_cast<const RUNTIME_FUNCTION*>(reinterpret_cast<const std::byte*>(&info) + info.chained_at());
}

const unwind_info& info_of(const RUNTIME_FUNCTION& function, std::uint64_t image) noexcept {
    return *reinterpret_cast<const unwind_info*>(image + function.UnwindData);
}

struct found_function {
    RUNTIME_FUNCTION* entry = nullptr; // null: it has no unwind data, so it changes neither stack nor registers
    std::uint64_t image = 0;

    // The address of the function, also from a part of it that the compiler put elsewhere.
    [[nodiscard]] std::uint64_t begin() const noexcept {
        const RUNTIME_FUNCTION* part = entry;
        while (info_of(*part, image).is_chained()) {
            part = &chained_to(info_of(*part, image));
        }
        return image + part->BeginAddress;
    }
};

found_function function_at(std::uint64_t instruction) noexcept {
    DWORD64 image = 0;
    RUNTIME_FUNCTION* const entry = ::RtlLookupFunctionEntry(instruction, &image, nullptr);
    return {entry, image};
}

bool find_in_image(std::uint64_t address, const std::byte* image, stack_range& found) noexcept {
    const auto& start = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& headers = *reinterpret_cast<const IMAGE_NT_HEADERS*>(image + start.e_lfanew);
    const auto* const sections = IMAGE_FIRST_SECTION(&headers);
    const std::uint64_t base = reinterpret_cast<std::uint64_t>(image);
    for (unsigned index = 0; index != headers.FileHeader.NumberOfSections; ++index) {
        const IMAGE_SECTION_HEADER& each = sections[index];
        const stack_range place{base + each.VirtualAddress, base + each.VirtualAddress + each.Misc.VirtualSize};
        if (place.contains(address)) {
            found = place;
            return (each.Characteristics & IMAGE_SCN_MEM_EXECUTE) != 0;
        }
    }
    return false;
}

} // namespace

bool find_code(std::uint64_t address, stack_range& found) noexcept {
    if (const void* const image = win::image_of(reinterpret_cast<const void*>(address))) {
        return find_in_image(address, static_cast<const std::byte*>(image), found);
    }
    constexpr DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    MEMORY_BASIC_INFORMATION memory{};
    if (::VirtualQuery(reinterpret_cast<const void*>(address), &memory, sizeof memory) == 0 ||
        memory.State != MEM_COMMIT || (memory.Protect & executable) == 0) {
        return false;
    }
    const auto base = reinterpret_cast<std::uint64_t>(memory.BaseAddress);
    found = {base, base + memory.RegionSize};
    return true;
}

const char* describe(walk_end end) noexcept {
    switch (end) {
    case walk_end::no_code: return "goes on at an address that is no code";
    case walk_end::off_the_stacks: return "lies on none of the stacks";
    case walk_end::frame_lost: return "has a frame pointer that lies on none of the stacks";
    case walk_end::not_rising: return "is not above the one that it called";
    default: return "";
    }
}

// ---- Where a walk begins -------------------------------------------------------------------------------------------

walk_start walk_start::at_growth(const stack::saved_registers& saved) noexcept {
    const auto& general = saved.general; // in the order that growth.hpp states
    walk_start start;
    start.instruction = saved.return_address;
    start.stack_pointer = reinterpret_cast<std::uint64_t>(&saved) + stack::saved_bytes;
    start.rbx = general[11];
    start.rbp = general[12];
    start.rsi = general[9];
    start.rdi = general[10];
    start.r12_to_r15 = {general[8], general[7], general[6], general[5]};
    start.just_entered = true;
    return start;
}

// The layout is that of Boost.Context's jump_x86_64_ms_pe files.
walk_start walk_start::of_suspended(context::fcontext_t resume_at) noexcept {
    const auto saved = reinterpret_cast<std::uint64_t>(resume_at);
    walk_start start;
    start.r12_to_r15 = {word_at(saved + 0xd0), word_at(saved + 0xd8), word_at(saved + 0xe0), word_at(saved + 0xe8)};
    start.rdi = word_at(saved + 0xf0);
    start.rsi = word_at(saved + 0xf8);
    start.rbx = word_at(saved + 0x100);
    start.rbp = word_at(saved + 0x108);
    start.instruction = word_at(saved + 0x118);
    start.stack_pointer = saved + 0x120;
    return start;
}

walk_start walk_start::of_context(const CONTEXT& registers) noexcept {
    walk_start start;
    start.instruction = registers.Rip;
    start.stack_pointer = registers.Rsp;
    start.rbx = registers.Rbx;
    start.rbp = registers.Rbp;
    start.rsi = registers.Rsi;
    start.rdi = registers.Rdi;
    start.r12_to_r15 = {registers.R12, registers.R13, registers.R14, registers.R15};
    return start;
}

// ---- The walk ------------------------------------------------------------------------------------------------------

stack_walk::stack_walk(const walk_start& start, std::span<const stack_range> stacks, const void* last_function) noexcept
    : stacks_(stacks), last_function_(unwind::without_jump(last_function)), just_entered_(start.just_entered) {
    registers_.Rip = start.instruction;
    registers_.Rsp = start.stack_pointer;
    registers_.Rbx = start.rbx;
    registers_.Rbp = start.rbp;
    registers_.Rsi = start.rsi;
    registers_.Rdi = start.rdi;
    registers_.R12 = start.r12_to_r15[0];
    registers_.R13 = start.r12_to_r15[1];
    registers_.R14 = start.r12_to_r15[2];
    registers_.R15 = start.r12_to_r15[3];
}

const stack_range* stack_walk::stack_of(std::uint64_t address) const noexcept {
    for (const stack_range& each : stacks_) {
        if (each.contains(address)) {
            return &each;
        }
    }
    return nullptr;
}

bool stack_walk::is_code(std::uint64_t address) noexcept {
    return code_.contains(address) || find_code(address, code_);
}

bool stack_walk::next() noexcept {
    if (end_ != walk_end::not_yet) {
        return false;
    }
    if (frames_ != 0) {
        const found_function last = function_at(current_.instruction);
        if (last.entry != nullptr && last.begin() == last_function_) {
            end_ = walk_end::complete;
            return false;
        }
        if (!unwind()) {
            end_ = walk_end::frame_lost;
            return false;
        }
    }
    arrive();
    return true;
}

void stack_walk::arrive() noexcept {
    const frame below = current_;
    current_ = {registers_.Rip, registers_.Rsp};
    const stack_range* const stack = stack_of(current_.stack_pointer);
    if (frames_++ != 0) {
        if (stack != on_) {
            crossings_ += stack != nullptr ? 1 : 0;
        } else if (current_.stack_pointer <= below.stack_pointer) {
            end_ = walk_end::not_rising;
        }
    }
    on_ = stack;
    if (stack == nullptr || current_.stack_pointer % sizeof(std::uint64_t) != 0) {
        end_ = walk_end::off_the_stacks;
    } else if (!is_code(current_.instruction)) {
        end_ = walk_end::no_code;
        code_ = {};
    }
}

// Loads the registers of the caller. False when the memory that says them is on none of the stacks.
bool stack_walk::unwind() noexcept {
    const found_function here = just_entered_ ? found_function{} : function_at(registers_.Rip);
    just_entered_ = false;
    if (here.entry == nullptr) {
        registers_.Rip = word_at(registers_.Rsp);
        registers_.Rsp += sizeof(std::uint64_t);
        return true;
    }
    const unwind_info& info = info_of(*here.entry, here.image);
    const std::uint64_t begin = here.image + here.entry->BeginAddress;
    if (info.frame_register() != 0 && registers_.Rip - begin >= info.prologue_bytes) {
        const std::uint64_t* const general = &registers_.Rax; // CONTEXT has them in the order of their numbers
        if (stack_of(general[info.frame_register()] - info.frame_offset()) == nullptr) {
            return false;
        }
    }
    void* handler_data = nullptr;
    DWORD64 establisher = 0;
    ::RtlVirtualUnwind(UNW_FLAG_NHANDLER, here.image, registers_.Rip, here.entry, &registers_, &handler_data,
                       &establisher, nullptr);
    return true;
}

} // namespace moor::debug
