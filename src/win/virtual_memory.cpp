// See virtual_memory.hpp.
#include "win/virtual_memory.hpp"

#include <atomic>
#include <cstdint>

#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/own_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

std::byte* reserve_at(std::uint64_t address, std::size_t bytes) noexcept {
    return static_cast<std::byte*>(
        ::VirtualAlloc(reinterpret_cast<void*>(address), bytes, MEM_RESERVE, PAGE_READWRITE));
}

// Left to itself the system reserves low at times (Wine), where an address looks like a number, or like a pair of small
// ones side by side. So places of our own are tried first: from the middle of what a process has on, one after the
// other, the first of them different in each process.
std::byte* reserve_high(std::size_t bytes) noexcept {
    constexpr std::uint64_t first_place = std::uint64_t{1} << 45;
    constexpr std::uint64_t between_places = std::uint64_t{1} << 37;
    constexpr std::uint64_t places = 256;
    constexpr unsigned attempts = 16;
    static std::atomic<std::uint64_t> next_place{__rdtsc() >> 8};

    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        const std::uint64_t place = next_place.fetch_add(1, std::memory_order_relaxed) % places;
        if (std::byte* const high = reserve_at(first_place + place * between_places, bytes)) {
            return high;
        }
    }
    return reserve_at(0, bytes);
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
