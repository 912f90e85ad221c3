// Data whose every byte depends on its place, so that a lost, doubled or displaced byte shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moor::test {

/// The byte at `position` of stream number `stream`.
constexpr std::byte byte_at(std::uint64_t position, std::uint32_t stream = 0) noexcept {
    std::uint64_t mixed = (position + 1) * 0x9e3779b97f4a7c15ull + stream * 0xc2b2ae3d27d4eb4full;
    mixed ^= mixed >> 29;
    return static_cast<std::byte>(mixed >> 13);
}

inline void fill(std::span<std::byte> target, std::uint64_t position, std::uint32_t stream = 0) noexcept {
    for (std::byte& each : target) {
        each = byte_at(position++, stream);
    }
}

inline std::vector<std::byte> make_bytes(std::size_t count, std::uint64_t position = 0, std::uint32_t stream = 0) {
    std::vector<std::byte> made(count);
    fill(made, position, stream);
    return made;
}

/// How many bytes from the first on are right.
inline std::size_t matching(std::span<const std::byte> data, std::uint64_t position,
                            std::uint32_t stream = 0) noexcept {
    std::size_t count = 0;
    while (count < data.size() && data[count] == byte_at(position + count, stream)) {
        ++count;
    }
    return count;
}

} // namespace moor::test
