// Comparing a stack with its copy: what the copying makes passes, and every kind of mistake in a word is found.
#include "debug/copy_check.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "stack/relocation.hpp"

namespace moor::debug {
namespace {

constexpr std::size_t words = 256;
constexpr std::size_t used = 40; // of the old place, at its top
constexpr std::size_t counted = stack::relocation::counted_below;

// Two places and a copy between them.
struct moved {
    alignas(16) std::array<std::uint64_t, words> old_place{};
    alignas(16) std::array<std::uint64_t, 2 * words> new_place{};

    moved() {
        for (std::size_t index = 0; index != words; ++index) {
            old_place[index] = index * 1'000'003;
        }
        old_place[words - 1] = address(old_place.data() + words - used);
        old_place[words - 3] = address(first()) - counted; // the lowest address that counts
        old_place[words - 5] = address(old_place.data() + words) - 1;
        old_place[words - 7] = address(old_place.data() + words); // one beyond does not
        old_place[words - 9] = address(first()) - counted - 1;
        stack::relocation(bytes(old_place.data()), bytes(first()), bytes(old_place.data() + words),
                          bytes(new_place.data() + 2 * words))
            .copy();
    }

    static std::uint64_t address(const void* of) { return reinterpret_cast<std::uint64_t>(of); }
    static const std::byte* bytes(const std::uint64_t* of) { return reinterpret_cast<const std::byte*>(of); }
    const std::uint64_t* first() const { return old_place.data() + words - used; }
    std::uint64_t* copied() { return new_place.data() + 2 * words - used; }

    auto check() {
        return find_copy_difference(bytes(old_place.data()), sizeof old_place, bytes(first()), bytes(copied()),
                                    counted);
    }
};

TEST(copy_check, accepts_what_a_relocation_makes) {
    moved sample;
    EXPECT_FALSE(sample.check());
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

TEST(copy_check, counts_all_of_a_place_that_is_nearly_full) {
    std::array<std::uint64_t, words> place{};
    std::array<std::uint64_t, words> copy{};
    place[10] = moved::address(place.data());
    place[11] = moved::address(place.data()) - 1;
    copy = place;
    copy[10] = moved::address(copy.data());
    const auto check = [&] {
        return find_copy_difference(moved::bytes(place.data()), sizeof place, moved::bytes(place.data() + 2),
                                    moved::bytes(copy.data() + 2), counted);
    };
    EXPECT_FALSE(check());
    copy[11] = moved::address(copy.data()) - 1;
    EXPECT_TRUE(check());
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
