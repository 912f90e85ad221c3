// The arena of slots by size class, each armed with a guard page (law 6), and the cache of finished stacks.
#include "stack/reserved_stack.hpp"

#include <algorithm>
#include <bit>
#include <system_error>

#include "win/error.hpp"

namespace moor::stack {
namespace {

std::size_t size_class(std::size_t size) noexcept {
    return static_cast<std::size_t>(std::countr_zero(size) - std::countr_zero(smallest_reserved_stack));
}

// Arms a slot: the top page readable, the one below it a guard. The guard is what makes the kernel grow the stack.
bool arm(std::byte* slot, std::size_t size) noexcept {
    std::byte* const top = slot + size;
    return win::commit(top - win::page_size, win::page_size) &&
           win::commit_guard(top - 2 * win::page_size, win::page_size);
}

} // namespace

std::size_t rounded_stack_size(std::size_t bytes) noexcept {
    return std::bit_ceil(std::max(bytes, smallest_reserved_stack));
}

reserved_stack commit_room(reserved_stack stack, std::size_t bytes) noexcept {
    const std::size_t pages = (bytes + win::page_size - 1) / win::page_size;
    std::byte* const limit = stack.top() - pages * win::page_size;
    if (limit >= stack.limit) {
        return stack;
    }
    const auto missing = static_cast<std::size_t>(stack.limit - limit);
    if (limit < stack.slot || !win::commit(limit, missing) ||
        !win::commit_guard(limit - win::page_size, win::page_size)) {
        return {};
    }
    stack.limit = limit;
    return stack;
}

reserved_stack reserved_arena::allocate(std::size_t size) {
    std::byte* slot = nullptr;
    {
        const std::lock_guard guard(lock_);
        auto& kept = kept_[size_class(size)];
        if (!kept.empty()) {
            const reserved_stack again = kept.back();
            kept.pop_back();
            kept_bytes_ -= again.committed();
            return again;
        }
        auto& free_slots = free_slots_[size_class(size)];
        if (free_slots.empty()) {
            const std::size_t stride = size + reserved_stack::kept_below;
            static_assert(reserved_stack::kept_below / win::page_size % 2 == 1);
            // These stacks never move, so nothing is ever taken for an address in them, and any place will do.
            reservations_.emplace_back(std::max(stride, reservation_size));
            const auto& added = reservations_.back();
            const std::size_t slots = free_slots.capacity() + added.size() / stride;
            free_slots.reserve(slots); // release() must not allocate
            if (most_kept_ != 0) {
                kept.reserve(slots);
            }
            for (std::size_t number = added.size() / stride; number != 0; --number) {
                free_slots.push_back(added.base() + (number - 1) * stride + reserved_stack::kept_below);
            }
        }
        slot = free_slots.back();
        free_slots.pop_back();
        ++committed_;
    }
    const reserved_stack made{slot, size, slot + size - win::page_size};
    if (!arm(slot, size)) {
        give_up(made);
        throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: committing a stack");
    }
    return made;
}

void reserved_arena::release(const reserved_stack& unused) noexcept {
    {
        const std::lock_guard guard(lock_);
        if (unused.committed() <= most_kept_ - kept_bytes_) {
            kept_[size_class(unused.size)].push_back(unused);
            kept_bytes_ += unused.committed();
            return;
        }
    }
    give_up(unused);
}

void reserved_arena::give_up(const reserved_stack& unused) noexcept {
    win::decommit(unused.lowest(), unused.size + reserved_stack::kept_below);
    const std::lock_guard guard(lock_);
    free_slots_[size_class(unused.size)].push_back(unused.slot);
    --committed_;
}

std::size_t reserved_arena::committed() const noexcept {
    const std::lock_guard guard(lock_);
    return committed_;
}

stack_cache::~stack_cache() {
    for (const auto& cached : stacks_) {
        arena_.release(cached);
    }
}

reserved_stack stack_cache::take(std::size_t size) {
    if (size != size_ || stacks_.empty()) {
        return arena_.allocate(size);
    }
    const reserved_stack cached = stacks_.back();
    stacks_.pop_back();
    bytes_ -= cached.committed();
    return cached;
}

void stack_cache::give(reserved_stack finished) noexcept {
    if (finished.size != size_ || stacks_.size() == most_) {
        arena_.release(finished);
        return;
    }
    std::byte* const lowest_kept = finished.top() - kept_of_large;
    if (finished.limit < lowest_kept && finished.committed() > most_bytes_ - bytes_) {
        win::decommit(finished.lowest(), static_cast<std::size_t>(lowest_kept - finished.lowest()));
        if (!win::commit_guard(lowest_kept - win::page_size, win::page_size)) {
            arena_.release(finished);
            return;
        }
        finished.limit = lowest_kept;
    }
    if (finished.committed() > most_bytes_ - bytes_) {
        arena_.release(finished);
        return;
    }
    bytes_ += finished.committed();
    stacks_.push_back(finished);
}

} // namespace moor::stack
