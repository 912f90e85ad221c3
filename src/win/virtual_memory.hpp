// Address space and pages, as owning types over VirtualAlloc. Stacks and slabs take their memory from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace moor::win {

inline constexpr std::size_t page_size = 4096;                                // of every amd64 Windows
inline constexpr std::size_t allocation_granularity = std::size_t{64} * 1024; // likewise

/// Owns a reservation of address space; nothing is committed at first.
class address_space {
public:
    address_space() noexcept = default;
    /// Reserves `bytes` (a multiple of the allocation granularity) at a random one of 2^29 places, if at all possible:
    /// stacks lie there. Throws std::system_error not_enough_memory.
    explicit address_space(std::size_t bytes);
    /// Reserves `bytes` at that place, a multiple of the allocation granularity, or nothing when it is not free.
    [[nodiscard]] static address_space at(std::byte* place, std::size_t bytes) noexcept;
    address_space(address_space&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    address_space& operator=(address_space&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~address_space();

    [[nodiscard]] std::byte* base() const noexcept { return base_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool contains(const void* address) const noexcept {
        const auto* const byte = static_cast<const std::byte*>(address);
        return byte >= base_ && byte < base_ + size_;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return base_ != nullptr; }

private:
    address_space(std::byte* base, std::size_t size) noexcept : base_(base), size_(base == nullptr ? 0 : size) {}

    std::byte* base_ = nullptr;
    std::size_t size_ = 0;
};

/// A place with `bytes` behind it that nobody is likely to use, at random: of nearly 2^30 for the space of a segment
/// pool. Places of different calls do not overlap until 124 have been handed out. Null for more than 512 GiB.
[[nodiscard]] std::byte* likely_free_place(std::size_t bytes) noexcept;

/// Gives pages memory, readable and writable, zeroed when new. False when the system has none.
[[nodiscard]] bool commit(std::byte* first, std::size_t bytes) noexcept;

/// The same, as guard pages: the first touch clears the guard and, within a thread's stack, moves the stack limit.
[[nodiscard]] bool commit_guard(std::byte* first, std::size_t bytes) noexcept;

/// Takes the memory away again; the address space stays reserved. Contents are lost.
void decommit(std::byte* first, std::size_t bytes) noexcept;

/// Copies memory of this process by way of the system, which does not mind when it is not there. False then.
[[nodiscard]] bool read_memory(const void* from, std::span<std::byte> into) noexcept;

} // namespace moor::win
