// Which of its lists a worker takes memory of a size from, and where that goes back to.
#include "sched/stack_caches.hpp"

#include <cstring>
#include <system_error>

#include "sched/runtime_core.hpp"
#include "win/error.hpp"
#include "win/virtual_memory.hpp"

namespace moor::sched {

using stack::memory;

namespace {

// What the lists keep. Bytes, but for the number.
constexpr std::size_t memory_of_cached_stack = std::size_t{64} * 1024; // on average
constexpr std::size_t most_large_slots = 8;
constexpr std::size_t memory_of_large_slots = std::size_t{4} * 1024 * 1024; // all together

} // namespace

void no_data_memory() noexcept { win::fatal("the system has no memory for the local variables of a function"); }

stack::data_memory data_pages(std::size_t bytes) noexcept {
    constexpr std::size_t unit = win::allocation_granularity;
    const std::size_t size = (bytes + unit - 1) / unit * unit;
    try {
        stack::data_memory made{nullptr, size, win::address_space(size)};
        made.base = made.pages.base();
        if (win::commit(made.base, size)) {
            return made;
        }
    } catch (const std::system_error&) {
    }
    no_data_memory();
}

stack_caches::stack_caches(detail::runtime_core& runtime)
    : runtime_(runtime), slots_(runtime.stacks, stack::rounded_stack_size(runtime.options.stack_size),
                                runtime.options.cached_stacks, runtime.options.cached_stacks * memory_of_cached_stack),
      large_slots_(runtime.stacks, runtime.options.largest_movable_stack, most_large_slots, memory_of_large_slots),
      segments_(runtime.segments) {}

memory stack_caches::take(std::size_t size) noexcept {
    if (size <= stack::largest_segment) {
        if (const stack::segment part = segments_.take(size)) {
            return part;
        }
        return {};
    }
    try {
        return large_slots_.take(size);
    } catch (const std::system_error&) {
        return {};
    }
}

void stack_caches::give(const memory& unused) noexcept {
    if (unused.kind == memory::form::segment) {
        segments_.give(unused.as_segment());
    } else if (unused.size == runtime_.options.stack_size) {
        slots_.give(unused.as_slot());
    } else {
        large_slots_.give(unused.as_slot());
    }
}

stack::data_memory stack_caches::take_data(std::size_t size) noexcept {
    if (size > stack::largest_segment) {
        return data_pages(size);
    }
    const stack::segment part = segments_.take(size);
    if (!part) {
        no_data_memory();
    }
    if (runtime_.options.debug.audit) {
        std::memset(part.base, 0, part.size); // a stack that moved may have left there what is searched for
    }
    return {part.base, part.size, {}};
}

void stack_caches::give_all_of(stack::data_stack& unused) noexcept {
    unused.clear([this](stack::data_memory&& each) {
        if (!each.pages) { // pages go with `each`
            segments_.give(each.as_segment());
        }
    });
}

} // namespace moor::sched
