// The memory that a coroutine's stack lies in, whichever kind it is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "stack/reserved_stack.hpp"
#include "stack/segment_pool.hpp"

namespace moor::stack {

/// A value, owned by convention: by the coroutine, or by whoever moves its stack.
struct memory {
    enum class form : std::uint8_t {
        none,
        slot,    ///< a reserved_stack: grows in place by guard page, needs no checks
        segment, ///< exactly its size: code on it needs stack checks
    };

    std::byte* lowest = nullptr; ///< that the program may use
    std::size_t size = 0;
    std::byte* limit = nullptr; ///< lowest usable address now; what the TEB's StackLimit must hold
    form kind = form::none;

    memory() noexcept = default;
    memory(const reserved_stack& slot) noexcept
        : lowest(slot.slot), size(slot.size), limit(slot.limit), kind(form::slot) {}
    memory(const segment& part) noexcept : lowest(part.base), size(part.size), limit(part.base), kind(form::segment) {}

    [[nodiscard]] std::byte* top() const noexcept { return lowest + size; }
    /// What the TEB's DeallocationStack must hold.
    [[nodiscard]] std::byte* deallocation() const noexcept { return kind == form::slot ? as_slot().lowest() : lowest; }
    [[nodiscard]] explicit operator bool() const noexcept { return kind != form::none; }
    [[nodiscard]] bool contains(const void* address) const noexcept {
        const auto* const byte = static_cast<const std::byte*>(address);
        return byte >= lowest && byte < top();
    }

    [[nodiscard]] reserved_stack as_slot() const noexcept { return {lowest, size, limit}; }
    [[nodiscard]] segment as_segment() const noexcept { return {lowest, size}; }

    /// Code with stack checks leaves at least 1024 bytes of a segment free, for what has none: small leaf functions,
    /// the library's own, and the way into growth. The checks have to leave more: a function whose frame is under 256
    /// bytes compares its stack pointer before it takes the frame. Frames of a library that is built without
    /// optimisation are nearly twice as large. Bytes.
#if defined(__OPTIMIZE__) || defined(_MSC_VER)
    static constexpr std::size_t headroom = 1024 + 256;
#else
    static constexpr std::size_t headroom = 2 * (1024 + 256);
#endif
    /// For the debugging switch exception_room, beside the headroom: what the system pushes on a stack where code
    /// faults, and what it demands to be left below that. Wine wants a page there and gives the thread up otherwise.
    /// Bytes.
    static constexpr std::size_t room_for_exceptions = std::size_t{12} * 1024;

    /// What code with stack checks leaves free in this process: written when a runtime starts, never smaller.
    [[nodiscard]] static std::size_t kept_free() noexcept { return kept_free_.load(std::memory_order_relaxed); }
    static void keep_room_for_exceptions() noexcept {
        kept_free_.store(headroom + room_for_exceptions, std::memory_order_relaxed);
    }

    /// The lowest word of a segment belongs to nobody: what it holds tells whether somebody has gone beyond the end.
    /// Written when the segment becomes a stack.
    void mark_end() const noexcept {
        if (kind == form::segment) {
            std::memcpy(lowest, &end_mark, sizeof end_mark);
        }
    }
    [[nodiscard]] bool end_is_intact() const noexcept {
        std::uint64_t found = end_mark;
        if (kind == form::segment) {
            std::memcpy(&found, lowest, sizeof found);
        }
        return found == end_mark;
    }

    /// What the compiler's checks compare with; 0 switches them off.
    [[nodiscard]] std::uint64_t check_limit() const noexcept {
        return kind == form::segment ? reinterpret_cast<std::uint64_t>(lowest) + kept_free() : 0;
    }

private:
    static constexpr std::uint64_t end_mark = 0x9d6e1b57'c24fa83b; // no number that programs write
    static inline std::atomic<std::size_t> kept_free_{headroom};
};

} // namespace moor::stack
