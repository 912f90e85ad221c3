// Comparing a stack with its copy, for the debugging switch verify_copy. It keeps law 3 honest: a move
// changes nothing but addresses of the old place, and of these only as many as it says. Written apart from the copying
// itself (stack/relocation.hpp), and free of the system, so that it can be tested on any host.
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

/// Compares the `bytes` from `first` on with those from `copied` on: each word is the same, or it was an address in
/// what was copied and has the distance added; so are at most `changed` words. All are 8-byte aligned. Returns the
/// first difference, lowest address first.
[[nodiscard]] inline std::optional<copy_difference>
find_copy_difference(const std::byte* first, std::size_t bytes, const std::byte* copied, std::size_t changed) noexcept {
    const auto from = reinterpret_cast<std::uint64_t>(first);
    const std::uint64_t distance = reinterpret_cast<std::uint64_t>(copied) - from;
    for (std::size_t offset = 0; offset < bytes; offset += sizeof(std::uint64_t)) {
        std::uint64_t before = 0;
        std::uint64_t after = 0;
        std::memcpy(&before, first + offset, sizeof before);
        std::memcpy(&after, copied + offset, sizeof after);
        if (after == before) {
            continue;
        }
        if (before - from >= bytes || after != before + distance || changed == 0) {
            return copy_difference{first + offset, copied + offset, before, after, before};
        }
        --changed;
    }
    return {};
}

} // namespace moor::debug
