// Stacks of the reserved kind: a slot of address space with its first page committed and a guard page below it. The
// kernel commits more on touch and moves the TEB's stack limit; addresses never change. What the program asks for it
// can fill: below that lies what the system wants of each stack, and a page that is never committed, so that
// overrunning a stack cannot reach its neighbour.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "win/system_lock.hpp"
#include "win/system_stack.hpp"
#include "win/virtual_memory.hpp"

namespace moor::stack {

/// A stack in somebody's hands: a value, owned by convention (a coroutine, a cache, or the arena).
struct reserved_stack {
    /// Below the program's part: the room that GuaranteedStackBytes asks for (win::system_stack::overflow_reserve),
    /// which the system gives to the report of an overflow, the guard below it, and two pages of which the system lets
    /// no stack use the lower one. Wine takes two pages less. Bytes; an odd number of pages, see reserved_arena.
    static constexpr std::size_t kept_below = win::system_stack::overflow_reserve + 3 * win::page_size;

    std::byte* slot = nullptr;  ///< lowest address that the program may use
    std::size_t size = 0;       ///< bytes from there to the top
    std::byte* limit = nullptr; ///< lowest committed address that is no guard; what the TEB's StackLimit must hold

    [[nodiscard]] std::byte* top() const noexcept { return slot + size; }
    /// Lowest address of all; what the TEB's DeallocationStack must hold.
    [[nodiscard]] std::byte* lowest() const noexcept { return slot - kept_below; }
    /// Bytes of memory, without the guard page.
    [[nodiscard]] std::size_t committed() const noexcept { return static_cast<std::size_t>(top() - limit); }
    [[nodiscard]] explicit operator bool() const noexcept { return slot != nullptr; }
};

/// What a coroutine may ask for. Bytes.
inline constexpr std::size_t smallest_reserved_stack = std::size_t{64} * 1024;
inline constexpr std::size_t largest_reserved_stack = std::size_t{1024} * 1024 * 1024;

/// The size that a request is rounded up to: a power of two from the smallest size on.
[[nodiscard]] std::size_t rounded_stack_size(std::size_t bytes) noexcept;

/// Commits at least the `bytes` below its top, with the guard below them, so that another thread of control can fill
/// them. Empty when the system has no memory; the stack is still the caller's.
[[nodiscard]] reserved_stack commit_room(reserved_stack stack, std::size_t bytes) noexcept;

/// Where slots come from: large reservations per size, kept until the runtime ends. Any thread.
///
/// From one slot to the next it is an odd number of pages. With a power of two the first pages of all stacks would
/// compete for the same few places in the processor's caches and tables of pages.
class reserved_arena {
public:
    /// Released slots keep their memory as long as that is no more than `most_kept` bytes in all: a burst of coroutines
    /// that comes again then asks the system for nothing.
    explicit reserved_arena(std::size_t most_kept = 0) noexcept : most_kept_(most_kept) {}

    /// A slot of `size` bytes (a rounded size), its first page committed and its guard armed.
    /// Throws std::system_error not_enough_memory.
    [[nodiscard]] reserved_stack allocate(std::size_t size);

    /// Takes the slot back, and its memory from it unless that may be kept.
    void release(const reserved_stack& unused) noexcept;

    /// Stacks with committed memory, in use, cached by a worker, or kept here.
    [[nodiscard]] std::size_t committed() const noexcept;

private:
    void give_up(const reserved_stack& unused) noexcept;

    static constexpr std::size_t reservation_size = std::size_t{64} * 1024 * 1024;
    static constexpr std::size_t size_classes = 15; // 64 KiB … 1 GiB

    mutable win::system_lock lock_; // guards all below but the last
    std::vector<win::address_space> reservations_;
    std::array<std::vector<std::byte*>, size_classes> free_slots_;
    std::array<std::vector<reserved_stack>, size_classes> kept_; // free slots with memory, last in first out
    std::size_t kept_bytes_ = 0;                                 // of these
    std::size_t committed_ = 0;
    const std::size_t most_kept_;
};

/// Stacks of one size that a worker keeps committed for its next coroutines, last in first out. Only that worker.
class stack_cache {
public:
    /// Keeps `most` of them, and no more than `most_bytes` of memory.
    stack_cache(reserved_arena& arena, std::size_t size, std::size_t most, std::size_t most_bytes)
        : arena_(arena), size_(size), most_(most), most_bytes_(most_bytes) {
        stacks_.reserve(most);
    }
    ~stack_cache();
    stack_cache(const stack_cache&) = delete;
    stack_cache& operator=(const stack_cache&) = delete;

    /// A cached stack, or a new one; sizes other than the cache's always come from the arena.
    [[nodiscard]] reserved_stack take(std::size_t size);

    /// Keeps the stack, or gives it back to the arena when the cache is full or the size another one. One that has
    /// grown larger than what the cache has room for loses the memory beyond `kept_of_large` first.
    void give(reserved_stack finished) noexcept;

    /// Where it keeps them; the same for its whole life. Any thread.
    [[nodiscard]] const void* storage() const noexcept { return stacks_.data(); }

private:
    static constexpr std::size_t kept_of_large = std::size_t{64} * 1024; // bytes

    reserved_arena& arena_;
    const std::size_t size_;
    const std::size_t most_;
    const std::size_t most_bytes_;
    std::size_t bytes_ = 0; // of memory, of all that it keeps
    std::vector<reserved_stack> stacks_;
};

} // namespace moor::stack
