// Comparing a stack with its copy: what the copying makes passes, and every kind of mistake in a word is found.
#include "debug/copy_check.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>

#include "stack/relocation.hpp"

namespace moor::debug {
namespace {

constexpr std::size_t words = 64;
constexpr std::size_t used = 40; // of the old place, at its top

// Two places and a copy between them.
struct moved {
    // `shift`: words by which the old place is off its natural alignment, for which copying has a way of its own.
    alignas(words * sizeof(std::uint64_t)) std::array<std::uint64_t, 2 * words> memory{};
    std::span<std::uint64_t, words> old_place;
    alignas(16) std::array<std::uint64_t, 2 * words> new_place{};

    explicit moved(std::size_t shift = 0) : old_place(memory.data() + shift, words) {
        for (std::size_t index = 0; index != words; ++index) {
            old_place[index] = index * 1'000'003;
        }
        old_place[words - 1] = address(old_place.data() + words - used);
        old_place[words - 3] = address(old_place.data()); // the lowest address counts
        old_place[words - 5] = address(old_place.data() + words) - 1;
        old_place[words - 7] = address(old_place.data() + words); // one beyond does not
        old_place[words - 9] = address(old_place.data()) - 1;
        stack::relocation(bytes(old_place.data()), old_place.size_bytes(), bytes(new_place.data() + 2 * words))
            .copy(bytes(first()));
    }

    static std::uint64_t address(const void* of) { return reinterpret_cast<std::uint64_t>(of); }
    static const std::byte* bytes(const std::uint64_t* of) { return reinterpret_cast<const std::byte*>(of); }
    const std::uint64_t* first() const { return old_place.data() + words - used; }
    std::uint64_t* copied() { return new_place.data() + 2 * words - used; }

    auto check() {
        return find_copy_difference(bytes(old_place.data()), old_place.size_bytes(), bytes(first()), bytes(copied()));
    }
};

TEST(copy_check, accepts_what_a_relocation_makes) {
    for (const std::size_t shift : {0u, 2u, 32u}) {
        moved sample(shift);
        EXPECT_FALSE(sample.check()) << shift;
    }
}

TEST(copy_check, finds_every_word_that_differs) {
    for (std::size_t index = 0; index != used; ++index) {
        moved sample;
        sample.copied()[index] ^= std::uint64_t{1} << (index % 64);
        const auto found = sample.check();
        ASSERT_TRUE(found) << index;
        EXPECT_EQ(found->original, moved::bytes(sample.first() + index));
        EXPECT_EQ(found->copy, moved::bytes(sample.copied() + index));
        EXPECT_EQ(found->before, sample.first()[index]);
        EXPECT_EQ(found->after, sample.copied()[index]);
        EXPECT_EQ(found->after ^ found->expected, std::uint64_t{1} << (index % 64));
    }
}

TEST(copy_check, finds_an_address_that_was_not_adjusted) {
    moved sample;
    sample.copied()[used - 3] = sample.old_place[words - 3];
    const auto found = sample.check();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->copy, moved::bytes(sample.copied() + used - 3));
    EXPECT_EQ(found->after, found->before);
}

TEST(copy_check, finds_a_number_that_was_adjusted) {
    moved sample;
    const std::uint64_t distance = moved::address(sample.copied()) - moved::address(sample.first());
    for (const std::size_t from_top : {std::size_t{7}, std::size_t{9}, std::size_t{2}}) {
        sample.copied()[used - from_top] += distance;
        const auto found = sample.check();
        ASSERT_TRUE(found) << from_top;
        EXPECT_EQ(found->expected, found->before);
        sample.copied()[used - from_top] -= distance;
    }
}

TEST(copy_check, names_the_lowest_of_several) {
    moved sample;
    sample.copied()[20] = 1;
    sample.copied()[4] = 1;
    ASSERT_TRUE(sample.check());
    EXPECT_EQ(sample.check()->copy, moved::bytes(sample.copied() + 4));
}

} // namespace
} // namespace moor::debug
