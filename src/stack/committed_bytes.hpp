// What the segment pool has asked the system for: the one place where its memory is counted and limited.
#pragma once

#include <algorithm>
#include <cstddef>

#include "win/virtual_memory.hpp"

namespace moor::stack {

/// Bytes, now and at most. Not thread safe.
class committed_bytes {
public:
    explicit committed_bytes(std::size_t limit) noexcept : limit_(limit) {}

    /// Gives pages memory. False when the limit or the system forbids it.
    [[nodiscard]] bool commit(std::byte* first, std::size_t bytes) noexcept {
        if (bytes > limit_ - now_ || !win::commit(first, bytes)) {
            return false;
        }
        now_ += bytes;
        most_ = std::max(most_, now_);
        return true;
    }

    /// Notes that so much was decommitted.
    void note_decommitted(std::size_t bytes) noexcept { now_ -= bytes; }

    [[nodiscard]] std::size_t now() const noexcept { return now_; }
    [[nodiscard]] std::size_t most() const noexcept { return most_; }

private:
    const std::size_t limit_;
    std::size_t now_ = 0;
    std::size_t most_ = 0;
};

} // namespace moor::stack
