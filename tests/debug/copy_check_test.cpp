// Comparing a stack with its copy: what a move makes passes, and every kind of mistake in a word is found.
#include "debug/copy_check.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "stack/relocation.hpp"

namespace moor::debug {
namespace {

constexpr std::size_t words = 64;

// A place and its copy, in which two words were adjusted.
struct moved {
    alignas(16) std::array<std::uint64_t, words> place{};
    alignas(16) std::array<std::uint64_t, 2 * words> copy{};

    moved() {
        for (std::size_t index = 0; index != words; ++index) {
            place[index] = index * 1'000'003;
        }
        place[1] = address(place.data() + 30);
        place[3] = address(place.data());
        place[5] = address(place.data() + words); // one beyond
        place[7] = address(place.data() + 20);    // a number
        const stack::relocation move(bytes(place.data()), bytes(place.data() + words), bytes(copy.data() + 2 * words));
        move.copy();
        move.adjust(bytes(place.data() + 1));
        move.adjust(bytes(place.data() + 3));
    }

    static std::uint64_t address(const void* of) { return reinterpret_cast<std::uint64_t>(of); }
    static const std::byte* bytes(const std::uint64_t* of) { return reinterpret_cast<const std::byte*>(of); }
    std::uint64_t* copied() { return copy.data() + words; }
    auto check(std::size_t changed = 2) {
        return find_copy_difference(bytes(place.data()), sizeof place, bytes(copied()), changed);
    }
};

TEST(copy_check, accepts_what_a_move_makes) {
    moved sample;
    EXPECT_FALSE(sample.check());
}

TEST(copy_check, finds_every_word_that_differs) {
    for (std::size_t index = 0; index != words; ++index) {
        moved sample;
        sample.copied()[index] ^= std::uint64_t{1} << (index % 64);
        const auto found = sample.check();
        ASSERT_TRUE(found) << index;
        EXPECT_EQ(found->original, moved::bytes(sample.place.data() + index));
        EXPECT_EQ(found->copy, moved::bytes(sample.copied() + index));
        EXPECT_EQ(found->before, sample.place[index]);
        EXPECT_EQ(found->after, sample.copied()[index]);
    }
}

TEST(copy_check, finds_that_more_words_changed_than_were_named) {
    moved sample;
    EXPECT_TRUE(sample.check(1));
    EXPECT_TRUE(sample.check(0));
}

TEST(copy_check, finds_an_adjusted_number_that_is_no_address_of_the_place) {
    moved sample;
    sample.copied()[5] += moved::address(sample.copied()) - moved::address(sample.place.data());
    const auto found = sample.check(3);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->copy, moved::bytes(sample.copied() + 5));
    EXPECT_EQ(found->expected, found->before);
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
