// See virtual_memory.hpp.
#include "win/virtual_memory.hpp"

#include <atomic>
#include <cstdint>

#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/own_stack.hpp"
#include "win/random.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

std::byte* reserve_at(std::uint64_t address, std::size_t bytes) noexcept {
    return static_cast<std::byte*>(
        ::VirtualAlloc(reinterpret_cast<void*>(address), bytes, MEM_RESERVE, PAGE_READWRITE));
}

// Places one after the other in a zone of the address space, each at an unlikely half, from one on that is chosen at
// random in each process: an address then is as far from any number of the program as it can be. Left to itself the
// system may choose addresses that look like small numbers (Wine), or that end in round ones.
class zone {
public:
    // In units of 4 GiB.
    constexpr zone(std::uint64_t first, std::uint64_t between, std::uint64_t places) noexcept
        : first_(first), between_(between), places_(places) {}

    std::uint64_t next() noexcept {
        if (next_.load(std::memory_order_relaxed) == 0) {
            std::uint64_t none_given = 0;
            next_.compare_exchange_strong(none_given, random_bits() >> 1 | 1, std::memory_order_relaxed);
        }
        const std::uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
        return ((first_ + number % places_ * between_) << 32) + unlikely_half;
    }

private:
    const std::uint64_t first_;
    const std::uint64_t between_;
    const std::uint64_t places_;
    std::atomic<std::uint64_t> next_{0}; // 0: not chosen yet
};

std::uint64_t random_below(std::uint64_t end) noexcept { return random_bits() % end; }

// Both from 32 TiB on, beyond what the system hands out from below, and below the uppermost, where it puts images.
// The odd first numbers: the upper half of an address should not be a round number either.
constinit zone single_places(0x202b, 1, 0x1f00);
constexpr std::uint64_t between_large = 0x80;
constinit zone large_places(0x402b, between_large, 124);
// Random likewise, and the same for all of these, so that they do not overlap.
std::uint64_t shift_of_large_places() noexcept {
    static const std::uint64_t chosen = random_below(between_large) << 32;
    return chosen;
}
constexpr std::uint64_t random_first = std::uint64_t{0x2000} << 32;
constexpr std::uint64_t random_end = std::uint64_t{0x4000} << 32;

constexpr unsigned attempts = 16;

std::byte* reserve_high(std::size_t bytes, placement where) noexcept {
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        const std::uint64_t place =
            where == placement::unlikely
                ? single_places.next()
                : random_first +
                      random_below((random_end - random_first) / allocation_granularity) * allocation_granularity;
        if (std::byte* const high = reserve_at(place, bytes)) {
            return high;
        }
    }
    return reserve_at(0, bytes);
}

} // namespace

address_space::address_space(std::size_t bytes, placement where)
    : address_space(with_room([=] { return reserve_high(bytes, where); }), bytes) {
    if (base_ == nullptr) {
        throw_last_error("moor: reserving address space");
    }
}

address_space address_space::at(std::byte* place, std::size_t bytes) noexcept {
    return {with_room([=] { return reserve_at(reinterpret_cast<std::uint64_t>(place), bytes); }), bytes};
}

std::byte* likely_free_place(std::size_t bytes) noexcept {
    if (bytes > between_large << 32) {
        return nullptr;
    }
    const std::uint64_t place = with_room([] { return large_places.next() + shift_of_large_places(); });
    return reinterpret_cast<std::byte*>(place);
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
