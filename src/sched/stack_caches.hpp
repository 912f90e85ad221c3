// What one worker keeps of unused stacks, so that starting a coroutine and growing its stack ask no lock: slots for
// reserved stacks and for movable ones that have outgrown segments, and segments, of which data stacks are made, too.
#pragma once

#include <cstddef>

#include "stack/data_stack.hpp"
#include "stack/memory.hpp"
#include "stack/reserved_stack.hpp"
#include "stack/segment_cache.hpp"

namespace moor::detail {
class runtime_core;
}

namespace moor::sched {

/// Ends the process.
[[noreturn]] void no_data_memory() noexcept;

/// Memory for a data stack that no segment holds, at least `bytes`; ends the process when there is none. Any thread.
[[nodiscard]] stack::data_memory data_pages(std::size_t bytes) noexcept;

/// Used by its worker's thread alone, in a runtime section: a preemption would let another coroutine of the worker find
/// it half done.
class stack_caches {
public:
    explicit stack_caches(detail::runtime_core& runtime);

    /// Memory for a movable stack. Of a size that segments have it is a segment; empty when the system has none.
    [[nodiscard]] stack::memory take(std::size_t size) noexcept;
    /// Memory for a reserved stack. Throws std::system_error not_enough_memory.
    [[nodiscard]] stack::memory take_slot(std::size_t size) { return slots_.take(size); }
    void give(const stack::memory& unused) noexcept;

    /// Memory for a data stack, at least `size` bytes, which is a power of two; ends the process when there is none.
    [[nodiscard]] stack::data_memory take_data(std::size_t size) noexcept;
    /// Takes the memory of a data stack that is not used any more.
    void give_all_of(stack::data_stack& unused) noexcept;

    /// Whether `is_there`, a predicate on addresses, holds for the place of any of the lists. For the audit.
    template <class Predicate>
    [[nodiscard]] bool any_list(Predicate&& is_there) const noexcept {
        return is_there(slots_.storage()) || is_there(large_slots_.storage()) || is_there(segments_.storage());
    }

private:
    detail::runtime_core& runtime_;
    stack::stack_cache slots_;
    stack::stack_cache large_slots_; // of movable coroutines that have outgrown segments
    stack::segment_cache segments_;
};

} // namespace moor::sched
