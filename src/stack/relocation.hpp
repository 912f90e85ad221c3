// Moving the contents of a stack: the words are copied, and those that point into what is copied are adjusted by the
// distance. Nobody can tell an address from a number that looks like one; docs/stacks.md says why that is acceptable.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <emmintrin.h>

namespace moor::stack {

/// What of a stack lies where, and where it goes. Distances are a multiple of 1 KiB, so alignments up to that survive.
class relocation {
public:
    /// Compilers sometimes keep an address some elements below an array. So much below the lowest byte in use counts as
    /// pointing into the stack, in bytes. All the rest that is not in use does not: a slot has 64 MiB of it.
    static constexpr std::size_t counted_below = 512;

    /// The stack from `lowest` to `old_top`, in use from `first` (16-byte aligned) on, goes to below `new_top`.
    relocation(const std::byte* lowest, const std::byte* first, const std::byte* old_top,
               const std::byte* new_top) noexcept
        : first_(first), top_(old_top), from_(std::max(address(lowest), address(first) - counted_below)),
          size_(address(old_top) - from_), distance_(address(new_top) - address(old_top)) {}

    /// What `word` becomes: an address in the stack is moved, everything else stays.
    [[nodiscard]] std::uint64_t adjusted(std::uint64_t word) const noexcept {
        return word + (word - from_ < size_ ? distance_ : 0);
    }

    /// Where the byte at `old` of the old place is afterwards.
    [[nodiscard]] std::byte* moved(const std::byte* old) const noexcept {
        return reinterpret_cast<std::byte*>(address(old) + distance_); // numbers: it leads from one object to another
    }

    /// Copies and adjusts all that is in use.
    void copy() const noexcept {
        if (from_ >> 32 == (address(top_) - 1) >> 32) {
            copy_pairs();
        } else {
            copy_words();
        }
    }

private:
    [[nodiscard]] static std::uint64_t address(const std::byte* of) noexcept {
        return reinterpret_cast<std::uint64_t>(of);
    }

    // For a stack that lies across a multiple of 4 GiB.
    void copy_words() const noexcept {
        std::byte* to = moved(first_);
        for (const std::byte* from = first_; from != top_; from += sizeof(std::uint64_t), to += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, from, sizeof word);
            word = adjusted(word);
            std::memcpy(to, &word, sizeof word);
        }
    }

    // Two words at a time. An address in the stack has its upper half, and a lower half not too far from the lowest.
    // SSE2 compares signed numbers of 32 bits only: so from both halves those of the lowest address are taken, together
    // with the sign bit, which makes a signed comparison with a bound an unsigned one.
    // Rejected: AVX2, whose registers' upper halves may carry arguments (__vectorcall) that nobody has saved.
    void copy_pairs() const noexcept {
        constexpr std::uint64_t signs = 0x8000'0000'8000'0000;
        const __m128i lowest = both(from_ ^ signs);
        const __m128i bounds = both((std::uint64_t{1} << 32 | size_) ^ signs);
        const __m128i distance = both(distance_);
        std::byte* to = moved(first_);
        for (const std::byte* from = first_; from != top_; from += sizeof(__m128i), to += sizeof(__m128i)) {
            const __m128i words = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
            const __m128i halves = _mm_cmpgt_epi32(bounds, _mm_sub_epi32(words, lowest));
            const __m128i within = _mm_and_si128(halves, _mm_shuffle_epi32(halves, _MM_SHUFFLE(2, 3, 0, 1)));
            _mm_store_si128(reinterpret_cast<__m128i*>(to), _mm_add_epi64(words, _mm_and_si128(within, distance)));
        }
    }

    static __m128i both(std::uint64_t word) noexcept { return _mm_set1_epi64x(static_cast<long long>(word)); }

    const std::byte* first_;
    const std::byte* top_;
    std::uint64_t from_; // addresses from here on count
    std::uint64_t size_; // so many bytes of them, less than 4 GiB
    std::uint64_t distance_;
};

} // namespace moor::stack
