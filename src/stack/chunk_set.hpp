// A set of small numbers that knows its lowest and its highest member at once: the segment pool takes memory in the
// order of addresses, so that what is in use stays together.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace moor::stack {

/// Members are 0 ... capacity - 1. A bit for each, above that a bit for each word that is not zero, and so on: every
/// function looks at one word of each of at most five levels. Not thread safe; the words belong to somebody else.
class chunk_set {
public:
    static constexpr std::size_t none = ~std::size_t{0};
    static constexpr std::size_t largest_capacity = std::size_t{1} << 30;

    /// How many words a set of that capacity needs.
    [[nodiscard]] static constexpr std::size_t words_for(std::size_t capacity) noexcept {
        std::size_t words = 0;
        do {
            capacity = (capacity + 63) / 64;
            words += capacity;
        } while (capacity > 1);
        return words;
    }

    /// Empty, with room for nothing.
    chunk_set() noexcept = default;

    /// An empty set in `words`, which are words_for(capacity) of them, all zero. `capacity` is at least 1.
    chunk_set(std::uint64_t* words, std::size_t capacity) noexcept {
        do {
            capacity = (capacity + 63) / 64;
            levels_[height_++] = words;
            words += capacity;
        } while (capacity > 1);
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] bool contains(std::size_t member) const noexcept {
        return (levels_[0][member / 64] >> (member % 64) & 1) != 0;
    }

    /// Adds what is not in the set.
    void insert(std::size_t member) noexcept {
        ++size_;
        for (std::size_t level = 0; level < height_; ++level) {
            std::uint64_t& word = levels_[level][member / 64];
            const bool marked_above = word != 0;
            word |= std::uint64_t{1} << (member % 64);
            if (marked_above) {
                return;
            }
            member /= 64;
        }
    }

    /// Takes a member away.
    void erase(std::size_t member) noexcept {
        --size_;
        for (std::size_t level = 0; level < height_; ++level) {
            std::uint64_t& word = levels_[level][member / 64];
            word &= ~(std::uint64_t{1} << (member % 64));
            if (word != 0) {
                return;
            }
            member /= 64;
        }
    }

    /// The lowest member, or `none`.
    [[nodiscard]] std::size_t lowest() const noexcept {
        return descend([](std::uint64_t word) { return static_cast<std::size_t>(std::countr_zero(word)); });
    }

    /// The highest member, or `none`.
    [[nodiscard]] std::size_t highest() const noexcept {
        return descend([](std::uint64_t word) { return static_cast<std::size_t>(63 - std::countl_zero(word)); });
    }

private:
    template <class Choice>
    [[nodiscard]] std::size_t descend(Choice choice) const noexcept {
        if (size_ == 0) {
            return none;
        }
        std::size_t found = 0;
        for (std::size_t level = height_; level-- != 0;) {
            found = found * 64 + choice(levels_[level][found]);
        }
        return found;
    }

    std::array<std::uint64_t*, 5> levels_{};
    std::size_t height_ = 0;
    std::size_t size_ = 0;
};

} // namespace moor::stack
