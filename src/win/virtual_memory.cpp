// See virtual_memory.hpp.
#include "win/virtual_memory.hpp"

#include <atomic>
#include <cstdint>

#include "win/error.hpp"
#include "win/own_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

constexpr std::uint64_t end_of_32_bits = std::uint64_t{1} << 32;

std::byte* reserve_at(std::uint64_t address, std::size_t bytes) noexcept {
    return static_cast<std::byte*>(
        ::VirtualAlloc(reinterpret_cast<void*>(address), bytes, MEM_RESERVE, PAGE_READWRITE));
}

// The system chooses, and does so low at times (Wine). Then places of our own are tried, in the middle of what a
// process has. Low is better than nothing.
std::byte* reserve_high(std::size_t bytes) noexcept {
    constexpr std::uint64_t first_place = std::uint64_t{1} << 45;
    constexpr std::uint64_t between_places = std::uint64_t{1} << 36; // more than anybody reserves at once
    constexpr unsigned places = 256;
    static std::atomic<unsigned> next_place{0};

    std::byte* const chosen = reserve_at(0, bytes);
    if (chosen == nullptr || reinterpret_cast<std::uint64_t>(chosen) >= end_of_32_bits) {
        return chosen;
    }
    for (unsigned attempt = 0; attempt < places; ++attempt) {
        const unsigned place = next_place.fetch_add(1, std::memory_order_relaxed) % places;
        if (std::byte* const high = reserve_at(first_place + place * between_places, bytes)) {
            ::VirtualFree(chosen, 0, MEM_RELEASE);
            return high;
        }
    }
    return chosen;
}

} // namespace

address_space::address_space(std::size_t bytes) : base_(with_room([=] { return reserve_high(bytes); })), size_(bytes) {
    if (base_ == nullptr) {
        throw_last_error("moor: reserving address space");
    }
}

address_space::~address_space() {
    if (base_ != nullptr) {
        with_room([this] { ::VirtualFree(base_, 0, MEM_RELEASE); });
    }
}

bool commit(std::byte* first, std::size_t bytes) noexcept {
    return with_room([=] { return ::VirtualAlloc(first, bytes, MEM_COMMIT, PAGE_READWRITE); }) != nullptr;
}

bool commit_guard(std::byte* first, std::size_t bytes) noexcept {
    return with_room([=] { return ::VirtualAlloc(first, bytes, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD); }) != nullptr;
}

void decommit(std::byte* first, std::size_t bytes) noexcept {
    with_room([=] { ::VirtualFree(first, bytes, MEM_DECOMMIT); });
}

} // namespace moor::win
