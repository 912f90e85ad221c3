// Moving the contents of a stack: all bytes are copied as they are, and nothing is changed but the words that a caller
// names (sched/frame_pointers.hpp): no number can be taken for an address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <emmintrin.h>

namespace moor::stack {

/// What of a stack lies where, and where it goes. Distances are a multiple of 1 KiB, so alignments up to that survive.
class relocation {
public:
    /// What lies from `first` (16-byte aligned) up to `old_top` goes to below `new_top`.
    relocation(const std::byte* first, const std::byte* old_top, const std::byte* new_top) noexcept
        : first_(first), top_(old_top), distance_(address(new_top) - address(old_top)) {}

    [[nodiscard]] const std::byte* first() const noexcept { return first_; }
    [[nodiscard]] const std::byte* top() const noexcept { return top_; }
    /// New addresses minus old ones, with a wrap.
    [[nodiscard]] std::uint64_t distance() const noexcept { return distance_; }

    /// Whether `value` is the address of a byte that is copied.
    [[nodiscard]] bool covers(std::uint64_t value) const noexcept {
        return value - address(first_) < address(top_) - address(first_);
    }

    /// Where the byte at `old` of the old place is afterwards.
    [[nodiscard]] std::byte* moved(const std::byte* old) const noexcept {
        return reinterpret_cast<std::byte*>(address(old) + distance_); // numbers: it leads from one object to another
    }

    /// Rejected: memcpy, and AVX2: the upper halves of vector registers may carry arguments that nobody has saved.
    void copy() const noexcept {
        std::byte* to = moved(first_);
        for (const std::byte* from = first_; from != top_; from += sizeof(__m128i), to += sizeof(__m128i)) {
            _mm_store_si128(reinterpret_cast<__m128i*>(to), _mm_load_si128(reinterpret_cast<const __m128i*>(from)));
        }
    }

    [[nodiscard]] static std::uint64_t word_at(const std::byte* place) noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, place, sizeof word);
        return word;
    }

    /// After copy(): adds the distance to the copy of the word at `old`, once. False when that has been done before.
    bool adjust(const std::byte* old) const noexcept {
        const std::uint64_t word = word_at(old);
        std::byte* const to = moved(old);
        if (word_at(to) != word) {
            return false;
        }
        const std::uint64_t adjusted = word + distance_;
        std::memcpy(to, &adjusted, sizeof adjusted);
        return true;
    }

private:
    [[nodiscard]] static std::uint64_t address(const std::byte* of) noexcept {
        return reinterpret_cast<std::uint64_t>(of);
    }

    const std::byte* first_;
    const std::byte* top_;
    std::uint64_t distance_;
};

} // namespace moor::stack
