// Compares a stack with what it was before a move (verify_copy), walks it (check_frames) and has the audit search for
// stale addresses: each move is checked against law 3.
#include "debug/move_checks.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "debug/copy_check.hpp"
#include "debug/loaded_code.hpp"
#include "debug/stack_walk.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "stack/relocation.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"

namespace moor::debug {
namespace {

using detail::coroutine;
using sched::moved_stack;

using message = fmt::basic_memory_buffer<char, 2048>;

void append_place(std::uint64_t instruction, message& text) {
    const loaded_code::place in = code_at_start().place_of(instruction);
    fmt::format_to(std::back_inserter(text), "{:#x} {}{}{:#x}", instruction, in.file, in.sign, in.number);
}

struct walked {
    const coroutine& of;
    const walk_start& start;
    std::span<const stack_range> stacks;
};

stack_walk begin_walk(const walked& which) noexcept {
    return {which.start, which.stacks, reinterpret_cast<const void*>(&moor_coroutine_base)};
}

[[noreturn]] void end_process_for(const walked& broken, const stack_walk& first_walk) noexcept {
    constexpr std::size_t most_at_an_end = 32; // of the list; what is between is left out
    const std::size_t frames = first_walk.frames();
    message text;
    const auto out = std::back_inserter(text);
    fmt::format_to(out, "the frames of coroutine #{} '{}' are broken after {} moves of its stack: the last frame {}",
                   broken.of.id.load(std::memory_order_relaxed), broken.of.name(), broken.of.movement.copies,
                   describe(first_walk.end()));
    stack_walk walk = begin_walk(broken);
    for (std::size_t index = 0; walk.next(); ++index) {
        if (index == most_at_an_end && frames > 2 * most_at_an_end) {
            fmt::format_to(out, "\nmoor:   ...");
        }
        if (index < most_at_an_end || index + most_at_an_end >= frames) {
            fmt::format_to(out, "\nmoor:   frame {} at {:#x}: ", index, walk.current().stack_pointer);
            append_place(walk.current().instruction, text);
        }
    }
    win::fatal({text.data(), text.size()});
}

void check_frames(sched::worker& on, const walked& which) noexcept {
    stack_walk walk = begin_walk(which);
    while (walk.next()) {
    }
    on.mover().frames_checked.add(walk.frames());
    on.mover().frame_crossings.add(walk.crossings());
    if (walk.end() != walk_end::complete) {
        end_process_for(which, walk);
    }
}

std::array<stack_range, 2> stacks_of(const coroutine& of, std::uint64_t own_left_at, std::uint64_t own_top) noexcept {
    const auto lowest = reinterpret_cast<std::uint64_t>(of.stack.lowest);
    return {{{lowest, lowest + of.stack.size}, {own_left_at, own_top}}};
}

void check_frames_after(const moved_stack& moved) noexcept {
    const auto start = walk_start::at_growth(*reinterpret_cast<const stack::saved_registers*>(moved.copy));
    const auto stacks = stacks_of(moved.of, reinterpret_cast<std::uint64_t>(moved.on.left_at()),
                                  win::teb::read(win::teb::field::stack_base));
    check_frames(moved.on, {moved.of, start, stacks});
}

void check_copy(const moved_stack& moved) noexcept {
    const auto difference = find_copy_difference(moved.first, static_cast<std::size_t>(moved.old.top() - moved.first),
                                                 moved.copy, moved.changed);
    if (!difference) {
        return;
    }
    fmt::basic_memory_buffer<char, 512> text;
    fmt::format_to(
        std::back_inserter(text),
        "the stack of coroutine #{} '{}' was copied wrongly in move {}: the word {:#x} at {} is {:#x} at {}, "
        "not {:#x}",
        moved.of.id.load(std::memory_order_relaxed), moved.of.name(), moved.of.movement.copies, difference->before,
        fmt::ptr(difference->original), difference->after, fmt::ptr(difference->copy), difference->expected);
    win::fatal({text.data(), text.size()});
}

} // namespace

void check_move(const moved_stack& moved, const suspension_addresses* suspensions) noexcept {
    const debug_switches& switches = moved.on.runtime().options.debug;
    if (switches.verify_copy) {
        check_copy(moved);
    }
    if (switches.check_frames) {
        check_frames_after(moved);
    }
    if (suspensions != nullptr) {
        moved.on.mover().audit_findings.add(report_stale_addresses(moved, *suspensions));
    }
}

MOOR_NOINLINE void check_frames_of_caller() noexcept {
    const coroutine* const self = sched::worker::current_coroutine();
    if (self == nullptr) {
        return;
    }
    CONTEXT here{};
    ::RtlCaptureContext(&here);
    const auto start = walk_start::of_context(here);
    // Whichever of the two the caller is on, the TEB says where it ends.
    const auto stacks = stacks_of(*self, win::teb::read(win::teb::field::deallocation_stack),
                                  win::teb::read(win::teb::field::stack_base));
    check_frames(*sched::worker::current(), {*self, start, stacks});
}

} // namespace moor::debug
