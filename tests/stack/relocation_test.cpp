// Copying a stack: which words are adjusted, for stacks wherever they lie, and which numbers look like addresses.
#include "stack/relocation.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/seed.hpp"
#include "win/virtual_memory.hpp"

namespace moor::stack {
namespace {

constexpr std::uint64_t four_gib = std::uint64_t{1} << 32;
constexpr std::size_t counted = relocation::counted_below;

const std::byte* pointer(std::uint64_t address) { return reinterpret_cast<const std::byte*>(address); }

// Decides about words only; nothing lies there.
struct imagined {
    std::uint64_t lowest;
    std::uint64_t size;
    std::uint64_t used;
    std::uint64_t new_top;

    std::uint64_t top() const { return lowest + size; }
    std::uint64_t first() const { return top() - used; }
    std::uint64_t adjusted(std::uint64_t word) const {
        return relocation(pointer(lowest), pointer(first()), pointer(top()), pointer(new_top)).adjusted(word);
    }
};

TEST(relocation, moves_addresses_in_use_and_little_below) {
    const imagined slot{.lowest = 0x2345'8525'0000, .size = 64u << 20, .used = 0x1230, .new_top = 0x6789'8525'0000};
    const std::uint64_t distance = slot.new_top - slot.top();
    for (const std::uint64_t inside : {slot.first() - counted, slot.first(), slot.first() + 1, slot.top() - 1}) {
        EXPECT_EQ(slot.adjusted(inside), inside + distance) << std::hex << inside;
    }
    for (const std::uint64_t outside : {slot.first() - counted - 1, slot.lowest, slot.top(), slot.top() + 8,
                                        slot.first() + four_gib, slot.first() - four_gib, std::uint64_t{0}}) {
        EXPECT_EQ(slot.adjusted(outside), outside) << std::hex << outside;
    }
}

// Below its stack lies somebody else's, which stays.
TEST(relocation, never_counts_what_is_below_the_stack) {
    const imagined full{.lowest = 0x4000'8525'0000, .size = 2048, .used = 2000, .new_top = 0x4000'8526'0000};
    EXPECT_EQ(full.adjusted(full.lowest), full.new_top - full.size);
    EXPECT_EQ(full.adjusted(full.lowest - 1), full.lowest - 1);
}

// What the upper half of an address was left beside: a 32-bit number that a function has put into one half of a word.
// The system once placed a stack at a multiple of 4 GiB, where each small number became an address of it.
TEST(relocation, leaves_numbers_beside_half_an_address_alone) {
    for (const std::uint64_t cell : {std::uint64_t{0x202b}, std::uint64_t{0x402b}, std::uint64_t{0x7eab}}) {
        const imagined slot{.lowest = cell * four_gib + win::unlikely_half,
                            .size = 64u << 20,
                            .used = 60u << 20,
                            .new_top = 0x2fff'8525'0000};
        const auto stays = [&](std::uint32_t number) {
            const std::uint64_t beside_upper = cell * four_gib | number;
            const std::uint64_t beside_lower = std::uint64_t{number} << 32 | (slot.first() & (four_gib - 1));
            return slot.adjusted(beside_upper) == beside_upper && slot.adjusted(beside_lower) == beside_lower;
        };
        for (std::uint32_t number = 0; number != 100'000; ++number) {
            ASSERT_TRUE(stays(number) || number == cell) << number;
            ASSERT_TRUE(stays(~number)) << ~number;
        }
        for (unsigned power = 0; power != 32; ++power) {
            ASSERT_TRUE(stays(std::uint32_t{1} << power)) << power;
            ASSERT_TRUE(stays((std::uint32_t{1} << power) - 1)) << power;
        }
        for (const float value : {1e-30f, 1e-6f, 0.1f, 0.5f, 1.f, 3.14f, 100.f, 1e6f, 1e30f}) {
            ASSERT_TRUE(stays(std::bit_cast<std::uint32_t>(value))) << value;
            ASSERT_TRUE(stays(std::bit_cast<std::uint32_t>(-value))) << -value;
        }
        for (const char* const text : {"GET ", "HTTP", "moor", "\n\n\n\n", "\xc3\xa4\xc3\xb6"}) {
            std::uint32_t number = 0;
            std::memcpy(&number, text, sizeof number);
            ASSERT_TRUE(stays(number)) << text;
        }
        for (const std::uint32_t fill : {0xcccccccc, 0xcdcdcdcd, 0xdddddddd, 0xfdfdfdfd, 0xfeeefeee, 0xbaadf00d,
                                         0xabababab, 0xdeadbeef, 0x80004005, 0x80070005, 0xc0000005, 0xe06d7363}) {
            ASSERT_TRUE(stays(fill)) << std::hex << fill;
        }
    }
}

// Memory of which any 16-byte aligned part can be a stack.
struct memory {
    explicit memory(std::size_t bytes) : words((bytes + 16) / sizeof(std::uint64_t)) {}
    std::byte* base() {
        auto* const bytes = reinterpret_cast<std::byte*>(words.data());
        return bytes + (16 - reinterpret_cast<std::uint64_t>(bytes) % 16) % 16;
    }
    std::vector<std::uint64_t> words;
};

// The quick way of copying decides as adjusted() does: words at all edges and anywhere, stacks of many sizes.
TEST(relocation, copies_as_adjusted_says) {
    std::mt19937_64 random(test::test_seed());
    for (int round = 0; round != 2000; ++round) {
        const std::size_t size = std::size_t{1024} << random() % 7;
        const std::size_t used = 16 * (1 + random() % (size / 16));
        memory old(size);
        memory fresh(2 * size);
        std::byte* const lowest = old.base();
        std::byte* const top = lowest + size;
        std::byte* const first = top - used;
        std::byte* const new_top = fresh.base() + 2 * size;
        const auto address = [](const std::byte* of) { return reinterpret_cast<std::uint64_t>(of); };
        const std::array<std::uint64_t, 6> edges{address(lowest),          address(first),
                                                 address(first) - counted, address(top),
                                                 address(top) + four_gib,  address(first) ^ 0x8000'0000};
        for (std::byte* at = first; at != top; at += sizeof(std::uint64_t)) {
            const std::uint64_t choice = random();
            const std::uint64_t word = choice % 4 == 0   ? random()
                                       : choice % 4 == 1 ? address(lowest) + choice / 4 % (2 * size)
                                       : choice % 4 == 2 ? edges[choice / 4 % edges.size()] + choice / 64 % 3 - 1
                                                         : (address(first) & ~(four_gib - 1)) | (random() >> 32);
            std::memcpy(at, &word, sizeof word);
        }
        const relocation move(lowest, first, top, new_top);
        move.copy();
        ASSERT_EQ(move.moved(first), new_top - used);
        for (std::size_t offset = 0; offset != used; offset += sizeof(std::uint64_t)) {
            std::uint64_t before = 0;
            std::uint64_t after = 0;
            std::memcpy(&before, first + offset, sizeof before);
            std::memcpy(&after, new_top - used + offset, sizeof after);
            ASSERT_EQ(after, move.adjusted(before)) << std::hex << before;
        }
    }
}

TEST(relocation, copies_across_a_multiple_of_four_gib) {
    constexpr std::size_t size = std::size_t{64} * 1024;
    const win::address_space around(2 * four_gib);
    const std::uint64_t base = reinterpret_cast<std::uint64_t>(around.base());
    const std::uint64_t multiple = (base + four_gib - 1) & ~(four_gib - 1);
    std::byte* const lowest = around.base() + (multiple - base == 0 ? four_gib : multiple - base) - size / 2;
    std::byte* const top = lowest + size;
    ASSERT_TRUE(win::commit(lowest, size));
    for (std::size_t offset = 0; offset != size; offset += sizeof(std::uint64_t)) {
        const std::byte* const word = lowest + offset;
        std::memcpy(lowest + offset, &word, sizeof word);
    }
    memory fresh(size);
    const relocation move(lowest, lowest, top, fresh.base() + size);
    move.copy();
    for (std::size_t offset = 0; offset != size; offset += sizeof(std::uint64_t)) {
        const std::byte* word = nullptr;
        std::memcpy(&word, fresh.base() + offset, sizeof word);
        ASSERT_EQ(word, fresh.base() + offset) << offset;
    }
}

} // namespace
} // namespace moor::stack
