// What covered code asks for when the inlined way into its data stack does not do (stack/data_stack.hpp): a chunk, and
// back to an older one. Chunks come from the worker's own stock of segments; other threads, and frames that no segment
// holds, get pages of their own. On the stack of whoever calls, within its headroom.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>

#include <fmt/format.h>

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "stack/data_stack.hpp"
#include "win/compiler.hpp"
#include "win/data_slot.hpp"
#include "win/error.hpp"
#include "win/last_error_scope.hpp"
#include "win/process_registration.hpp"

namespace moor::sched {

using stack::data_memory;
using stack::data_stack;

namespace {

constexpr std::size_t chunk_of_thread = win::allocation_granularity;
constexpr std::size_t most_arguments = 256; // of a variadic call; the pass refuses calls with more

// Of any thread, for its system stack.
void release_thread(void* unused) noexcept {
    std::unique_ptr<data_stack> ended(static_cast<data_stack*>(unused));
    ended->clear([](data_memory&&) {});
}

data_stack& stack_of_caller() noexcept {
    auto* known = static_cast<data_stack*>(win::data_slot::get());
    if (known == nullptr) {
        // Used for ever, since frames may lie there whenever a runtime ends. An exception ends the process: there is no
        // code to go on with.
        static const auto* const slot =
            std::make_unique<win::registration_user>(win::data_slot::registration()).release();
        static_cast<void>(slot);
        known = new data_stack; // NOLINT(bugprone-unhandled-exception-at-new): see above
        win::data_slot::set(known);
        win::data_slot::release_at_end_of_thread(known, &release_thread);
    }
    return *known;
}

// Within a runtime section.
void give_back(data_memory&& unused) noexcept {
    if (unused.pages) {
        unused.pages = {};
    } else {
        worker::current()->stacks().give(unused.as_segment());
    }
}

// Ends the process when the running coroutine would have more of it than it may.
void check_size(worker& here, const data_stack& stack, std::size_t more) noexcept {
    const coroutine* const self = here.running_now();
    const std::size_t most = here.runtime().options.largest_movable_stack;
    if (self == nullptr || &stack != &self->data || stack.size() + more <= most) {
        return;
    }
    fmt::basic_memory_buffer<char, 256> text;
    fmt::format_to(std::back_inserter(text),
                   "coroutine #{} '{}' needs {} bytes more for local variables, has {}, and may have no more than "
                   "runtime_options::largest_movable_stack, {}",
                   self->id.load(std::memory_order_relaxed), self->name(), more, stack.size(), most);
    win::fatal({text.data(), text.size()});
}

} // namespace

MOOR_NOINLINE void trim_data(data_stack& of) noexcept {
    const win::runtime_section section;
    of.trim(&give_back);
}

} // namespace moor::sched

using moor::sched::worker;

extern "C" {

void* const moor_no_data_cell = nullptr;

std::byte* moor_data_enter_there(std::size_t bytes) noexcept {
    moor::stack::data_stack& stack = moor::sched::stack_of_caller();
    if (std::byte* const frame = stack.take(bytes)) {
        return frame;
    }
    const moor::win::runtime_section section;
    const moor::win::last_error_scope kept;
    if (worker* const here = worker::current()) {
        moor::sched::check_size(*here, stack, bytes);
        stack.add(here->stacks().take_data(stack.next_size(bytes)));
    } else {
        stack.add(moor::sched::data_pages(std::max(stack.next_size(bytes), moor::sched::chunk_of_thread)));
    }
    return stack.take(bytes);
}

void moor_data_rewind(std::byte* mark) noexcept {
    const moor::win::runtime_section section;
    const moor::win::last_error_scope kept;
    moor::sched::stack_of_caller().rewind(mark, &moor::sched::give_back);
}

void moor_data_leave_there(std::byte* frame, std::size_t bytes) noexcept { moor_data_rewind(frame + bytes); }

std::byte* moor_data_allocate(std::size_t bytes, std::size_t alignment) noexcept {
    constexpr std::size_t unit = moor::stack::data_stack::frame_alignment;
    if (bytes > std::size_t{1} << 40) {
        moor::sched::no_data_memory();
    }
    const std::size_t needed = (bytes + unit - 1) / unit * unit + (alignment > unit ? alignment : 0);
    const auto address = reinterpret_cast<std::uintptr_t>(moor_data_enter_there(std::max(needed, unit)));
    return reinterpret_cast<std::byte*>((address + alignment - 1) / alignment * alignment);
}

// Whoever called put them on the stack above, with the rest of its own frame; nobody knows how many there are.
std::byte* moor_data_variadic(std::byte* arguments) noexcept {
    const worker* const here = worker::current();
    if (here == nullptr || !here->on_coroutine_stack() || !here->running_now()->movement.movable) {
        return arguments; // this stack does not move
    }
    const std::size_t above =
        moor::win::teb::read(moor::win::teb::field::stack_base) - reinterpret_cast<std::uint64_t>(arguments);
    const std::size_t bytes = std::min(above, moor::sched::most_arguments * sizeof(std::uint64_t));
    return static_cast<std::byte*>(std::memcpy(moor_data_allocate(bytes, 1), arguments, bytes));
}

} // extern "C"
