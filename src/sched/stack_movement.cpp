// Moving the stacks of coroutines of the movable kind: when they move, and where to. Law 3: a stack moves only at a
// growth or shrink point of its own running coroutine, never while it is parked, or has an exception in flight.
//
// The decisions are taken on the worker's own stack (moor_move_stack), or on the coroutine's with little room and
// without any call that needs more.
#include "sched/stack_movement.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "debug/move_checks.hpp"
#include "preempt/frame_shape.hpp"
#include "sched/coroutine_life.hpp"
#include "sched/frame_pointers.hpp"
#include "sched/runtime_core.hpp"
#include "stack/growth.hpp"
#include "stack/relocation.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor::sched {

using detail::coroutine;
using stack::memory;

namespace {

// Raising and unwinding a C++ exception takes nearly 9 KiB under Wine.
constexpr std::size_t room_for_nested_throw = std::size_t{12} * 1024;

// What lies between the frame that asks for room and the stack pointer that the assembly sees. Bytes.
constexpr std::size_t frames_of_request = 256;

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

// Whose frames a move has to know: made on first use, on a worker's own stack.
const preempt::movable_code& code_of_program() {
    static const std::array base{
        reinterpret_cast<const void*>(&coroutine_entry), reinterpret_cast<const void*>(&detail::run_body),
        reinterpret_cast<const void*>(&detail::run_work), reinterpret_cast<const void*>(&detail::run_preemptible),
        reinterpret_cast<const void*>(&moor_call_on_stack)}; // has its frame pointer, no more
    static const preempt::movable_code code(reinterpret_cast<const void*>(&moor_coroutine_base), base);
    return code;
}

} // namespace

// ---- First and last stack ------------------------------------------------------------------------------------------

memory worker::take_memory(std::size_t size) noexcept {
    if (size <= stack::largest_segment) {
        if (const stack::segment part = segments_.take(size)) {
            return part;
        }
        return {};
    }
    try {
        return large_stacks_.take(size);
    } catch (const std::system_error&) {
        return {};
    }
}

void worker::give_memory(const memory& unused) noexcept {
    if (unused.kind == memory::form::segment) {
        segments_.give(unused.as_segment());
    } else if (unused.size == runtime_.options.stack_size) {
        stacks_.give(unused.as_slot());
    } else {
        large_stacks_.give(unused.as_slot());
    }
}

// ---- Deciding ------------------------------------------------------------------------------------------------------

std::uint64_t worker::check_limit_of(const coroutine& self) const noexcept {
    return runtime_.options.debug.force_move && self.stack.kind == memory::form::segment ? ~std::uint64_t{0}
                                                                                         : self.stack.check_limit();
}

void worker::set_check_limit(coroutine& self, std::uint64_t limit) noexcept {
    self.state.check_limit = limit;
    win::teb::write(win::teb::field::check_limit, limit);
}

// The size that holds `used` bytes with `room` more; beyond segments there is one size only.
std::size_t worker::size_for(std::size_t used, std::size_t room) const noexcept {
    const std::size_t size = stack::rounded_segment_size(used + room);
    return size <= stack::largest_segment ? size : runtime_.options.largest_movable_stack;
}

void settle_stack(std::size_t room) noexcept {
    worker* const here = worker::current();
    if (here != nullptr && here->away() && here->running_now()->movement.movable) {
        here->settle_running_stack(room);
    }
}

MOOR_NOINLINE void worker::settle_running_stack(std::size_t room) noexcept {
    coroutine& self = *running_;
    stack::movement& movement = self.movement;
    if (!movement.movable) [[likely]] {
        return;
    }
    check_end(self);
    if (!self.data.empty()) {
        trim_data(self.data);
    }
    const std::byte here{};
    const auto left = static_cast<std::size_t>(&here - self.stack.lowest);
    const std::size_t used = self.stack.size - left;
    const debug_switches& switches = runtime_.options.debug;
    movement.wanted = 0;
    movement.wanted_room = 0;
    if (left < room) {
        movement.wanted_room = as_size(room);
        movement.wanted = as_size(size_for(used + frames_of_request, room + memory::kept_free()));
    } else if (switches.force_move && self.stack.kind == memory::form::segment) {
        movement.wanted = as_size(self.stack.size);
    } else if (!switches.shrink_off) {
        movement.wanted = as_size(consider_shrinking(self, used + stack::saved_bytes));
    }
    if (movement.wanted == 0 || (exception_in_flight() && left >= room)) {
        return;
    }
    moor_move_on_request();
}

// 0 when it shall stay.
std::size_t worker::consider_shrinking(coroutine& self, std::size_t used) noexcept {
    stack::movement& movement = self.movement;
    const std::size_t half = stack::movement::halved(self.stack.size);
    if (half < movement.smallest || used >= self.stack.size / 4 || used + memory::kept_free() > half) {
        if (movement.on_trial) {
            movement.on_trial = false;
            movement.suspensions = 0;
            set_check_limit(self, check_limit_of(self));
        }
        return 0;
    }
    if (!movement.on_trial) {
        movement.on_trial = true;
        movement.suspensions = 0;
        set_check_limit(self, stack::movement::trial_limit(self.stack));
        return 0;
    }
    if (++movement.suspensions < movement.patience) {
        return 0;
    }
    return half;
}

// ---- On request ----------------------------------------------------------------------------------------------------

MOOR_NOINLINE void worker::make_room(std::size_t room) noexcept {
    coroutine& self = *running_;
    if (!self.movement.movable) {
        return;
    }
    const std::byte here{};
    const auto left = static_cast<std::size_t>(&here - self.stack.lowest);
    if (left >= room + memory::kept_free()) {
        return;
    }
    const std::size_t used = self.stack.size - left;
    self.movement.wanted_room = as_size(room);
    self.movement.wanted = as_size(size_for(used + frames_of_request, room + memory::kept_free()));
    moor_move_on_request();
}

void worker::check_end(const coroutine& self) const noexcept {
    if (!self.stack.end_is_intact()) [[unlikely]] {
        report_overrun(self);
    }
}

// Apart, because its frame is large.
MOOR_NOINLINE void worker::report_overrun(const coroutine& self) noexcept {
    win::with_room([&self] {
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

void worker::note_stack_limit() noexcept {
    running_now()->stack.limit = reinterpret_cast<std::byte*>(win::teb::read(win::teb::field::stack_limit));
}

win::stack_fields worker::fields_of_running_stack() const noexcept {
    const auto address = [](const std::byte* byte) { return reinterpret_cast<std::uint64_t>(byte); };
    const coroutine& running = *running_now();
    const memory& stack = running.stack;
    return {address(stack.top()), address(stack.limit), address(stack.deallocation()), running.state.check_limit};
}

// ---- Moving --------------------------------------------------------------------------------------------------------

// On the worker's own stack. Returns where the saved registers are afterwards.
std::byte* worker::move_running_stack(std::byte* saved_at) noexcept {
    coroutine& self = *running_;
    check_end(self);
    stack::movement& movement = self.movement;
    const auto& saved = *reinterpret_cast<const stack::saved_registers*>(saved_at);
    const auto left = static_cast<std::size_t>(saved_at + stack::saved_bytes - self.stack.lowest);
    const std::size_t used = self.stack.size - left; // without the saved registers, which are gone when it goes on
    const bool on_request = saved.reason == stack::saved_registers::on_request;
    const std::size_t asked = on_request ? movement.wanted_room : saved.frame; // bytes, for messages
    const std::size_t needed = on_request && asked == 0 ? 0 : asked + memory::kept_free();
    const bool fixed = exception_in_flight();
    const bool forced = runtime_.options.debug.force_move && self.stack.kind == memory::form::segment && !fixed;

    if (!on_request && left >= needed && !forced) { // the limit was that of a trial
        if (movement.on_trial) {
            movement.lose_patience();
        }
        set_check_limit(self, check_limit_of(self));
        return saved_at;
    }
    if (fixed) {
        if (saved.reason == stack::saved_registers::for_throw && left >= room_for_nested_throw) {
            return saved_at;
        }
        refuse(self, "it must not move while an exception is in flight (see docs/stacks.md)", asked, left);
    }
    std::size_t size = on_request ? movement.wanted : self.stack.size;
    if (!on_request && left < needed) {
        size = std::max(size_for(used + stack::saved_bytes, needed), size_for(self.stack.size * 2, 0));
    }
    if (size < used + needed) {
        refuse(self, "it is as large as runtime_options::largest_movable_stack allows", asked, left);
    }
    if (std::byte* const moved = move_to(self, size, saved_at)) {
        return moved;
    }
    if (!on_request && left >= needed) { // it need not have moved
        return saved_at;
    }
    if (on_request && movement.wanted_room == 0) {
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

// Null when a frame of code that is not covered forbids it; then nothing has changed.
std::byte* worker::move_to(coroutine& self, std::size_t size, std::byte* first) noexcept {
    stack::movement& movement = self.movement;
    const memory old = self.stack;
    const auto used = static_cast<std::size_t>(old.top() - first);
    memory fresh = take_memory(size);
    if (fresh && fresh.kind == memory::form::slot) {
        fresh = stack::with_room(fresh.as_slot(), used + memory::kept_free());
    }
    if (!fresh) {
        refuse(self, "the system has no memory for a larger one", size, static_cast<std::size_t>(first - old.lowest));
    }
    if (shapes_ == nullptr) {
        shapes_ = std::make_unique<preempt::frame_shape_cache>(code_of_program());
    }
    fresh.mark_end();
    const stack::relocation move(first, old.top(), fresh.top());
    move.copy();
    const adjustment changed = adjust_frames(*shapes_, move, *reinterpret_cast<const stack::saved_registers*>(first));
    if (changed.foreign != 0) {
        foreign_ = changed.foreign;
        give_memory(fresh);
        void* image = nullptr;
        if (changed.broken && ::RtlPcToFileHeader(reinterpret_cast<void*>(foreign_), &image) == nullptr) {
            debug::check_move({*this, self, old, first, first, 0}); // may know more
            fmt::basic_memory_buffer<char, 256> why;
            fmt::format_to(std::back_inserter(why),
                           "{:#x}, where a return address should be, is none: something has written over its stack",
                           foreign_);
            refuse(self, {why.data(), why.size()}, size, static_cast<std::size_t>(first - old.lowest));
        }
        return nullptr;
    }
    words_changed.add(changed.frame_pointers + changed.own_words);
    own_words_changed.add(changed.own_words);
    self.stack = fresh;
    ++movement.copies;
    movement.left = {old.lowest, old.size};
    copies.add(1);
    if (fresh.size > old.size && movement.has_shrunk) {
        movement.lose_patience();
    }
    movement.has_shrunk = fresh.size < old.size;
    movement.on_trial = false;
    movement.suspensions = 0;
    self.state.check_limit = check_limit_of(self);
    examine_move(self, old, move, changed);
    give_memory(old);
    return move.moved(first);
}

// What the debugging switches ask for, while both places have their contents.
void worker::examine_move(const coroutine& self, const memory& old, const stack::relocation& move,
                          const adjustment& changed) noexcept {
    const std::byte* const first = move.first();
    const debug_switches& switches = runtime_.options.debug;
    if (switches.verify_copy || switches.check_frames || switches.audit) {
        debug::check_move({*this, self, old, first, move.moved(first), changed.frame_pointers + changed.own_words});
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
    if (here == nullptr || !here->away()) {
        return nullptr;
    }
    here->note_stack_limit();
    here->begin_visit();
    return here->visit_at();
}

std::byte* moor_move_stack(std::byte* saved) noexcept {
    auto& here = *moor::sched::worker::current();
    std::byte* const moved = here.move_running_stack(saved);
    here.end_visit(here.fields_of_running_stack());
    return moved;
}
