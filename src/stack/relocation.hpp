// Moving the contents of a stack: the words are copied, and those that point into the old place are adjusted by the
// distance. Nobody can tell an address from a number that looks like one; docs/stacks.md says why that is acceptable.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <emmintrin.h>

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

    /// Copies and adjusts everything from `first` (16-byte aligned) up to the old top.
    void copy(const std::byte* first) const noexcept {
        const bool is_aligned = std::has_single_bit(size_) && lowest_ % size_ == 0;
        if (is_aligned) {
            copy_from_aligned(first);
        } else {
            copy_from_anywhere(first);
        }
    }

private:
    [[nodiscard]] const std::byte* top() const noexcept { return reinterpret_cast<const std::byte*>(lowest_ + size_); }

    void copy_from_anywhere(const std::byte* first) const noexcept {
        std::byte* to = const_cast<std::byte*>(first) + distance_;
        for (const std::byte* from = first; from != top(); from += sizeof(std::uint64_t), to += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, from, sizeof word);
            word = adjusted(word);
            std::memcpy(to, &word, sizeof word);
        }
    }

    // Of a place that is aligned to its size, which is a power of two, an address shares the upper bits: two words are
    // tested at a time. SSE2 compares 32 bits at most, so both halves of a word must agree.
    // Rejected: AVX2, whose registers' upper halves may carry arguments (__vectorcall) that nobody has saved.
    void copy_from_aligned(const std::byte* first) const noexcept {
        const __m128i upper_bits = _mm_set1_epi64x(static_cast<long long>(~(size_ - 1)));
        const __m128i place = _mm_set1_epi64x(static_cast<long long>(lowest_));
        const __m128i distance = _mm_set1_epi64x(static_cast<long long>(distance_));
        std::byte* to = const_cast<std::byte*>(first) + distance_;
        for (const std::byte* from = first; from != top(); from += sizeof(__m128i), to += sizeof(__m128i)) {
            const __m128i words = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
            const __m128i halves = _mm_cmpeq_epi32(_mm_and_si128(words, upper_bits), place);
            const __m128i within = _mm_and_si128(halves, _mm_shuffle_epi32(halves, _MM_SHUFFLE(2, 3, 0, 1)));
            _mm_store_si128(reinterpret_cast<__m128i*>(to), _mm_add_epi64(words, _mm_and_si128(within, distance)));
        }
    }

    std::uint64_t lowest_;
    std::uint64_t size_;
    std::uint64_t distance_;
};

} // namespace moor::stack
