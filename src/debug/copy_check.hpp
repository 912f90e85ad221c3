// Comparing a stack with its copy, for the debugging switch verify_copy. It keeps the law of movement honest: a move
// changes nothing but the addresses of the old place. Written apart from the copying itself (stack/relocation.hpp), and
// free of the system, so that it can be tested on any host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace moor::debug {

/// A word that is not what it should be.
struct copy_difference {
    const std::byte* original = nullptr; ///< where it was
    const std::byte* copy = nullptr;     ///< where it is now
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    std::uint64_t expected = 0; ///< what `after` should be
};

/// Compares the words from `first` up to the top of the old place, `size` bytes from `lowest` on, with those from
/// `copied` on: a word that points there, or up to `counted_below` bytes below `first` in the old place, has the
/// distance added, any other is the same. All are 8-byte aligned. Returns the first difference, lowest address first.
[[nodiscard]] inline std::optional<copy_difference> find_copy_difference(const std::byte* lowest, std::size_t size,
                                                                         const std::byte* first,
                                                                         const std::byte* copied,
                                                                         std::size_t counted_below) noexcept {
    const std::uint64_t top = reinterpret_cast<std::uint64_t>(lowest) + size;
    const bool all_counts = static_cast<std::size_t>(first - lowest) < counted_below;
    const auto from = reinterpret_cast<std::uint64_t>(all_counts ? lowest : first - counted_below);
    const std::uint64_t distance = reinterpret_cast<std::uint64_t>(copied) - reinterpret_cast<std::uint64_t>(first);
    const auto bytes = static_cast<std::size_t>(top - reinterpret_cast<std::uint64_t>(first));
    for (std::size_t offset = 0; offset < bytes; offset += sizeof(std::uint64_t)) {
        std::uint64_t before = 0;
        std::uint64_t after = 0;
        std::memcpy(&before, first + offset, sizeof before);
        std::memcpy(&after, copied + offset, sizeof after);
        const bool points_there = before >= from && before < top;
        const std::uint64_t expected = points_there ? before + distance : before;
        if (after != expected) {
            return copy_difference{first + offset, copied + offset, before, after, expected};
        }
    }
    return {};
}

} // namespace moor::debug
