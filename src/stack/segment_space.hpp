// The address space that segments lie in: one range at a random place, of which the system is asked for one piece after
// the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "win/compiler.hpp"
#include "win/virtual_memory.hpp"

namespace moor::stack {

/// Bytes of address space, counted by offsets. Reserved piece by piece, from the first on: a runtime with few stacks
/// asks the system for little. Not thread safe: the pool's lock guards it.
class segment_space {
public:
    segment_space() noexcept = default;
    /// Reserves the first of `bytes`, in pieces of `piece` bytes, a power of two and a multiple of the allocation
    /// granularity. All of it has to fit into what win::likely_free_place finds. Throws std::system_error
    /// not_enough_memory.
    segment_space(std::size_t bytes, std::size_t piece);

    /// Bytes, reserved or not.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Where an offset below size() lies.
    [[nodiscard]] std::byte* address(std::size_t offset) const noexcept { return base_ + offset; }

    /// The offset of an address; size() or more when it is none of this space.
    [[nodiscard]] std::size_t offset(const std::byte* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base_);
    }

    /// Bytes from an offset to the end of its piece.
    [[nodiscard]] std::size_t left_in_piece(std::size_t offset) const noexcept { return piece_ - offset % piece_; }

    [[nodiscard]] bool begins_piece(std::size_t offset) const noexcept { return offset % piece_ == 0; }

    /// Reserves the piece of an offset below size(), unless it is; those before it are. False when somebody else has
    /// the place.
    [[nodiscard]] bool reserve(std::size_t offset) noexcept {
        return offset / piece_ < pieces_.size() || reserve_next();
    }

private:
    [[nodiscard]] std::size_t bytes_of(std::size_t piece) const noexcept;
    // Apart, because the stack of a coroutine may have little room for a frame.
    MOOR_NOINLINE bool reserve_next() noexcept;

    std::byte* base_ = nullptr;
    std::size_t size_ = 0;
    std::size_t piece_ = 1; // bytes
    std::vector<win::address_space> pieces_;
};

} // namespace moor::stack
