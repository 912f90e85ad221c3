// Random places for reservations (stacks.md, "Address randomisation"), and VirtualAlloc where it has room (law 6).
#include "win/virtual_memory.hpp"

#include <atomic>
#include <cstdint>

#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/process.hpp"
#include "win/random.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

std::byte* reserve_at(std::uint64_t address, std::size_t bytes) noexcept {
    return static_cast<std::byte*>(
        ::VirtualAlloc(reinterpret_cast<void*>(address), bytes, MEM_RESERVE, PAGE_READWRITE));
}

std::uint64_t random_below(std::uint64_t end) noexcept { return random_bits() % end; }

// Both from 32 TiB on, beyond what the system hands out from below, and below the uppermost, where it puts images.
constexpr std::uint64_t tib = std::uint64_t{1} << 40;
constexpr std::uint64_t single_first = 32 * tib;
constexpr std::uint64_t single_end = 64 * tib;
constexpr std::uint64_t large_first = 64 * tib;
constexpr std::uint64_t between_large = tib / 2;
constexpr std::uint64_t large_places = 124;

// Each in a slot of its own, one after the other from a random one on.
std::uint64_t next_large_place(std::size_t bytes) noexcept {
    static const std::uint64_t first = random_below(large_places);
    static std::atomic<std::uint64_t> given{0};
    const std::uint64_t slot = (first + given.fetch_add(1, std::memory_order_relaxed)) % large_places;
    const std::uint64_t places = (between_large - bytes) / allocation_granularity + 1;
    return large_first + slot * between_large + random_below(places) * allocation_granularity;
}

std::byte* reserve_high(std::size_t bytes) noexcept {
    constexpr unsigned attempts = 16;
    constexpr std::uint64_t places = (single_end - single_first) / allocation_granularity;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        const std::uint64_t place = single_first + random_below(places) * allocation_granularity;
        if (std::byte* const high = reserve_at(place, bytes)) {
            return high;
        }
    }
    return reserve_at(0, bytes);
}

} // namespace

address_space::address_space(std::size_t bytes)
    : address_space(call_on_system_stack([=] { return reserve_high(bytes); }), bytes) {
    if (base_ == nullptr) {
        throw_last_error("moor: reserving address space");
    }
}

address_space address_space::at(std::byte* place, std::size_t bytes) noexcept {
    return {call_on_system_stack([=] { return reserve_at(reinterpret_cast<std::uint64_t>(place), bytes); }), bytes};
}

std::byte* likely_free_place(std::size_t bytes) noexcept {
    if (bytes > between_large) {
        return nullptr;
    }
    return reinterpret_cast<std::byte*>(call_on_system_stack([=] { return next_large_place(bytes); }));
}

address_space::~address_space() {
    if (base_ != nullptr) {
        call_on_system_stack([this] { ::VirtualFree(base_, 0, MEM_RELEASE); });
    }
}

bool commit(std::byte* first, std::size_t bytes) noexcept {
    return call_on_system_stack([=] { return ::VirtualAlloc(first, bytes, MEM_COMMIT, PAGE_READWRITE); }) != nullptr;
}

bool commit_guard(std::byte* first, std::size_t bytes) noexcept {
    return call_on_system_stack(
               [=] { return ::VirtualAlloc(first, bytes, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD); }) != nullptr;
}

void decommit(std::byte* first, std::size_t bytes) noexcept {
    call_on_system_stack([=] { ::VirtualFree(first, bytes, MEM_DECOMMIT); });
}

bool read_memory(const void* from, std::span<std::byte> into) noexcept {
    SIZE_T read = 0;
    return system().read_memory(this_process(), from, into.data(), into.size(), &read) != FALSE;
}

} // namespace moor::win
