// When a stack moves and where to, for law 3; the rules are in the header. The decisions are taken on the worker's
// system stack (moor_move_stack), or on the coroutine's with little room and without any call that needs more.
#include "sched/stack_mover.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <moor/preempt.hpp>

#include "sched/coroutine_life.hpp"
#include "sched/frame_pointers.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "stack/growth.hpp"
#include "stack/relocation.hpp"
#include "unwind/frame_shape.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/loader.hpp"
#include "win/windows.hpp"

namespace moor::sched {

using stack::memory;

namespace {

// Raising and unwinding a C++ exception takes nearly 9 KiB under Wine.
constexpr std::size_t room_for_nested_throw = std::size_t{12} * 1024;

// What covered code that the library has called back must leave where the stack cannot move: for __morestack itself,
// which every check below calls again, and for leaves. Bytes.
constexpr std::size_t least_left = 768;

[[noreturn]] void refuse(const coroutine& self, std::string_view why, std::size_t needed, std::size_t left) noexcept {
    fmt::basic_memory_buffer<char, 512> text;
    fmt::format_to(std::back_inserter(text),
                   "coroutine #{} '{}' needs {} bytes of stack, {} of its {} are left, and {}",
                   self.id.load(std::memory_order_relaxed), self.name(), needed, left, self.stack.size, why);
    win::fatal({text.data(), text.size()});
}

// No stack is larger than 1 GiB: what is more is refused wherever it is looked at.
std::uint32_t as_size(std::size_t bytes) noexcept {
    return static_cast<std::uint32_t>(std::min<std::size_t>(bytes, UINT32_MAX));
}

// Whose frames a move has to know. Made when a runtime starts, on a stack with room. The library's own are of assembly.
const unwind::movable_code& code_of_program() {
    static const std::array base{reinterpret_cast<const void*>(&moor_run_preemptible),
                                 reinterpret_cast<const void*>(&moor_call_on_stack)};
    static const unwind::movable_code code(reinterpret_cast<const void*>(&moor_coroutine_base), base);
    return code;
}

void set_check_limit(coroutine& self, std::uint64_t limit) noexcept {
    self.state.check_limit = limit;
    win::teb::write(win::teb::field::check_limit, limit);
}

// Apart, because its frame is large.
[[noreturn]] MOOR_NOINLINE void refuse_to_wait(const coroutine& self, std::size_t room, std::size_t left) noexcept {
    win::call_on_system_stack([&] {
        refuse(self, "it cannot move here: not covered code has called the library (see docs/stacks.md)", room, left);
    });
    std::terminate(); // never: refuse() does not return
}

// Apart, because its frame is large.
MOOR_NOINLINE void report_overrun(const coroutine& self) noexcept {
    win::call_on_system_stack([&self] {
        fmt::basic_memory_buffer<char, 512> text;
        fmt::format_to(
            std::back_inserter(text),
            "coroutine #{} '{}' has written beyond the end of its stack of {} bytes: code without stack checks "
            "needs more than the {} bytes that are kept free for it; call it by moor::on_system_stack, or make room "
            "by moor::ensure_stack (docs/stacks.md)",
            self.id.load(std::memory_order_relaxed), self.name(), self.stack.size, memory::kept_free());
        win::fatal({text.data(), text.size()});
    });
}

} // namespace

bool may_move(detail::body::entry run) { return code_of_program().covers(reinterpret_cast<std::uint64_t>(run)); }

stack_mover::stack_mover(worker& on) noexcept : on_(on) {}
stack_mover::~stack_mover() = default;

// ---- Deciding ------------------------------------------------------------------------------------------------------

std::uint64_t stack_mover::check_limit_of(const coroutine& self) const noexcept {
    return on_.runtime().options.debug.force_move && self.stack.kind == memory::form::segment
               ? ~std::uint64_t{0}
               : self.stack.check_limit();
}

// The size that holds `used` bytes with `room` more; beyond segments there is one size only.
std::size_t stack_mover::size_for(std::size_t used, std::size_t room) const noexcept {
    const std::size_t size = stack::rounded_segment_size(used + room);
    return size <= stack::largest_segment ? size : on_.runtime().options.largest_movable_stack;
}

void prepare_stack(std::size_t room) noexcept {
    worker* const here = worker::current();
    if (here != nullptr && here->on_coroutine_stack() && here->running_now()->movement.movable) {
        here->mover().prepare(*here->running_now(), room);
    }
}

MOOR_NOINLINE void stack_mover::prepare(coroutine& self, std::size_t room) noexcept {
    check_end(self);
    if (!self.data.empty()) {
        trim_data(self.data);
    }
    const std::byte here{};
    const auto left = static_cast<std::size_t>(&here - self.stack.lowest);
    if (left < room) [[unlikely]] { // whatever called has not looked after it; what is below would be overwritten
        refuse_to_wait(self, room, left);
    }
    if (!on_.runtime().options.debug.shrink_off) {
        consider_shrinking(self, self.stack.size - left + stack::saved_bytes);
    }
}

void stack_mover::consider_shrinking(coroutine& self, std::size_t used) noexcept {
    stack::movement& movement = self.movement;
    const std::size_t half = stack::movement::halved(self.stack.size);
    if (half < movement.smallest || used >= self.stack.size / 4 || used + memory::kept_free() > half) {
        if (movement.on_trial) {
            movement.end_trial();
            set_check_limit(self, check_limit_of(self));
        }
        return;
    }
    if (!movement.on_trial) {
        movement.begin_trial();
        set_check_limit(self, std::max(stack::movement::trial_limit(self.stack), check_limit_of(self)));
        return;
    }
    if (++movement.suspensions >= movement.patience) {
        movement.wanted = as_size(half);
        set_check_limit(self, ~std::uint64_t{0}); // the next check moves it
    }
}

void check_end(const coroutine& self) noexcept {
    if (!self.stack.end_is_intact()) [[unlikely]] {
        report_overrun(self);
    }
}

// ---- Moving --------------------------------------------------------------------------------------------------------

std::byte* stack_mover::move_running_stack(std::byte* saved_at) noexcept {
    coroutine& self = *on_.running_now();
    check_end(self);
    const auto& saved = *reinterpret_cast<const stack::saved_registers*>(saved_at);
    const auto left = static_cast<std::size_t>(saved_at + stack::saved_bytes - self.stack.lowest);
    const std::size_t used = self.stack.size - left; // without the saved registers, which are gone when it goes on
    const std::size_t asked = as_size(saved.frame);
    const std::size_t needed = asked + memory::kept_free();
    const bool fixed = on_.exception_in_flight();

    if (left >= needed) { // the limit was raised, for a trial or a move that need not be
        return fixed ? saved_at : move_at_leisure(self, saved_at, used + std::max(needed, stack::saved_bytes));
    }
    if (fixed) {
        if (saved.reason == stack::saved_registers::for_throw && left >= room_for_nested_throw) {
            return saved_at;
        }
        refuse(self, "it must not move while an exception is in flight (see docs/stacks.md)", asked, left);
    }
    const std::size_t size = std::max(size_for(used + stack::saved_bytes, needed), size_for(self.stack.size * 2, 0));
    if (size < used + needed) {
        refuse(self, "it is as large as runtime_options::largest_movable_stack allows", asked, left);
    }
    if (std::byte* const moved = move_to(self, size, saved_at)) {
        return moved;
    }
    if (left >= asked + least_left) {
        return saved_at;
    }
    fmt::basic_memory_buffer<char, 256> why;
    fmt::format_to(
        std::back_inserter(why),
        "code that is not built for stacks that move ({:#x}) has called the code that needs more: build it with "
        "moor_enable_movable_stacks, or call it by moor::on_system_stack",
        foreign_);
    refuse(self, {why.data(), why.size()}, asked, left);
}

// With room enough, `taken` bytes of it taken: shrinks, or moves as the debugging switch asks, or stays.
std::byte* stack_mover::move_at_leisure(coroutine& self, std::byte* saved_at, std::size_t taken) noexcept {
    stack::movement& movement = self.movement;
    std::size_t size = std::exchange(movement.wanted, 0);
    if (size == 0 || taken > size) {
        if (movement.on_trial) {
            movement.lose_patience();
        }
        size = on_.runtime().options.debug.force_move && self.stack.kind == memory::form::segment ? self.stack.size : 0;
    }
    if (size != 0) {
        if (std::byte* const moved = move_to(self, size, saved_at)) {
            return moved;
        }
    }
    set_check_limit(self, check_limit_of(self));
    return saved_at;
}

// Null when a frame of code that is not covered forbids it; then nothing has changed.
std::byte* stack_mover::move_to(coroutine& self, std::size_t size, std::byte* first) noexcept {
    stack::movement& movement = self.movement;
    const memory old = self.stack;
    const auto used = static_cast<std::size_t>(old.top() - first);
    memory fresh = on_.stacks().take(size);
    if (fresh && fresh.kind == memory::form::slot) {
        fresh = stack::commit_room(fresh.as_slot(), used + memory::kept_free());
    }
    if (!fresh) {
        refuse(self, "the system has no memory for a larger one", size, static_cast<std::size_t>(first - old.lowest));
    }
    if (shapes_ == nullptr) {
        shapes_ = std::make_unique<unwind::frame_shape_cache>(code_of_program());
    }
    fresh.mark_end();
    const stack::relocation move(first, old.top(), fresh.top());
    move.copy();
    const adjustment changed = adjust_frames(*shapes_, move, *reinterpret_cast<const stack::saved_registers*>(first));
    if (changed.foreign != 0) {
        foreign_ = changed.foreign;
        on_.stacks().give(fresh);
        if (changed.broken && win::image_of(reinterpret_cast<const void*>(foreign_)) == nullptr) {
            on_.runtime().reports->stack_moved({on_, self, old, first, first, 0}); // may know more
            fmt::basic_memory_buffer<char, 256> why;
            fmt::format_to(std::back_inserter(why),
                           "{:#x}, where a return address should be, is none: something has written over its stack",
                           foreign_);
            refuse(self, {why.data(), why.size()}, size, static_cast<std::size_t>(first - old.lowest));
        }
        return nullptr;
    }
    words_changed.add(changed.frame_pointers);
    self.stack = fresh;
    ++movement.copies;
    movement.left = {old.lowest, old.size};
    copies.add(1);
    if (fresh.size > old.size && movement.has_shrunk) {
        movement.lose_patience();
    }
    movement.has_shrunk = fresh.size < old.size;
    movement.end_trial();
    self.state.check_limit = check_limit_of(self);
    examine_move(self, old, move, changed);
    on_.stacks().give(old);
    return move.moved(first);
}

// What the debugging switches ask for, while both places have their contents.
void stack_mover::examine_move(const coroutine& self, const memory& old, const stack::relocation& move,
                               const adjustment& changed) noexcept {
    const std::byte* const first = move.first();
    const debug_switches& switches = on_.runtime().options.debug;
    if (switches.verify_copy || switches.check_frames || switches.audit) {
        on_.runtime().reports->stack_moved({on_, self, old, first, move.moved(first), changed.frame_pointers});
    }
    if (switches.stack_poison_copy) {
        constexpr int poison = 0xfd;
        std::memset(old.kind == memory::form::segment ? old.lowest : const_cast<std::byte*>(first), poison,
                    static_cast<std::size_t>(old.top() - (old.kind == memory::form::segment ? old.lowest : first)));
    }
}

} // namespace moor::sched

// ---- Called by the assembly ----------------------------------------------------------------------------------------

void* moor_begin_move() noexcept {
    auto* const here = moor::sched::worker::current();
    if (here == nullptr || !here->on_coroutine_stack()) {
        return nullptr;
    }
    here->note_stack_limit();
    here->begin_call();
    return here->left_at();
}

std::byte* moor_move_stack(std::byte* saved) noexcept {
    auto& here = *moor::sched::worker::current();
    std::byte* const moved = here.mover().move_running_stack(saved);
    here.end_call(here.fields_of_running_stack());
    return moved;
}
