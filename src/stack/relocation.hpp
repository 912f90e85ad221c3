// Moving the contents of a stack: the words are copied, and those that point into the old place are adjusted by the
// distance. Nobody can tell an address from a number that looks like one; docs/stacks.md says why that is acceptable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace moor::stack {

/// Where a stack lies and where it goes. Distances are a multiple of 1 KiB, so alignments up to that survive.
class relocation {
public:
    relocation(const std::byte* old_lowest, std::size_t old_size, const std::byte* new_top) noexcept
        : lowest_(reinterpret_cast<std::uint64_t>(old_lowest)), size_(old_size),
          distance_(reinterpret_cast<std::uint64_t>(new_top) - (lowest_ + old_size)) {}

    /// What `word` becomes: an address within the old place is moved, everything else stays.
    [[nodiscard]] std::uint64_t adjusted(std::uint64_t word) const noexcept {
        return word + (word - lowest_ < size_ ? distance_ : 0);
    }

    /// Where the byte at `address` of the old place is afterwards.
    [[nodiscard]] std::byte* moved(std::byte* address) const noexcept { return address + distance_; }

    /// Copies and adjusts everything from `first` (8-byte aligned) up to the old top. Uses no vector register beyond
    /// the first six, which a caller between two functions may hold arguments in and has saved.
    void copy(const std::byte* first) const noexcept {
        const std::byte* const top = reinterpret_cast<const std::byte*>(lowest_ + size_);
        std::byte* to = const_cast<std::byte*>(first) + distance_;
        for (const std::byte* from = first; from != top; from += sizeof(std::uint64_t), to += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, from, sizeof word);
            word = adjusted(word);
            std::memcpy(to, &word, sizeof word);
        }
    }

private:
    std::uint64_t lowest_;
    std::uint64_t size_;
    std::uint64_t distance_;
};

} // namespace moor::stack
