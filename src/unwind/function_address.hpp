// Where a function of one's own begins, for whoever compares it with what unwind data says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace moor::unwind {

/// The address of the function itself: the address that a program has may be that of a jump to it, where the linker
/// prepares for incremental linking.
[[nodiscard]] inline std::uint64_t without_jump(const void* function) noexcept {
    constexpr std::uint8_t jump = 0xe9;
    const auto address = reinterpret_cast<std::uint64_t>(function);
    std::uint8_t first = 0;
    std::memcpy(&first, function, sizeof first);
    if (first != jump) {
        return address;
    }
    std::int32_t distance = 0;
    std::memcpy(&distance, static_cast<const std::byte*>(function) + 1, sizeof distance);
    return address + 5 + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
}

} // namespace moor::unwind
