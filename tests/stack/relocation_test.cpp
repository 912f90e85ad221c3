// Copying a stack: all bytes arrive as they were, and nothing changes but the words that are named.
#include "stack/relocation.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace moor::stack {
namespace {

constexpr std::size_t words = 64;

struct places {
    alignas(16) std::array<std::uint64_t, words> before{};
    alignas(16) std::array<std::uint64_t, 2 * words> after{};

    // Every word is an address within what is copied.
    places() {
        for (std::size_t index = 0; index != words; ++index) {
            before[index] = address(before.data()) + 8 * (words - 1 - index);
        }
    }
    static std::uint64_t address(const void* of) { return reinterpret_cast<std::uint64_t>(of); }
    static const std::byte* bytes(const std::uint64_t* of) { return reinterpret_cast<const std::byte*>(of); }
    relocation move() const {
        return {bytes(before.data()), bytes(before.data() + words), bytes(after.data() + 2 * words)};
    }
    const std::uint64_t* copied() const { return after.data() + words; }
};

TEST(relocation, changes_nothing_by_itself) {
    const places sample;
    sample.move().copy();
    for (std::size_t index = 0; index != words; ++index) {
        EXPECT_EQ(sample.copied()[index], sample.before[index]);
    }
}

TEST(relocation, adjusts_the_words_that_are_named_and_each_once) {
    const places sample;
    const relocation move = sample.move();
    move.copy();
    EXPECT_TRUE(move.adjust(places::bytes(sample.before.data() + 5)));
    EXPECT_FALSE(move.adjust(places::bytes(sample.before.data() + 5)));
    for (std::size_t index = 0; index != words; ++index) {
        const std::uint64_t more = index == 5 ? move.distance() : 0;
        EXPECT_EQ(sample.copied()[index], sample.before[index] + more) << index;
    }
    EXPECT_EQ(places::address(move.moved(places::bytes(sample.before.data()))), places::address(sample.copied()));
}

TEST(relocation, knows_which_addresses_it_covers) {
    const places sample;
    const relocation move = sample.move();
    const std::uint64_t first = places::address(sample.before.data());
    EXPECT_TRUE(move.covers(first));
    EXPECT_TRUE(move.covers(first + 8 * words - 1));
    EXPECT_FALSE(move.covers(first - 1));
    EXPECT_FALSE(move.covers(first + 8 * words));
    EXPECT_FALSE(move.covers(0));
}

} // namespace
} // namespace moor::stack
