// Address space in pieces: offsets and addresses, and a place that somebody else has.
#include "stack/segment_space.hpp"

#include <cstddef>
#include <cstdint>
#include <system_error>

#include <gtest/gtest.h>

namespace moor::stack {
namespace {

constexpr std::size_t unit = win::allocation_granularity;
constexpr std::size_t piece = 4 * unit;

TEST(segment_space, counts_offsets_from_its_beginning) {
    const segment_space space(5 * piece, piece);
    EXPECT_EQ(space.size(), 5 * piece);
    std::byte* const base = space.address(0);
    for (std::size_t number = 0; number != 5; ++number) {
        for (const std::size_t within : {std::size_t{0}, unit, piece - 1}) {
            const std::size_t offset = number * piece + within;
            EXPECT_EQ(space.address(offset), base + offset);
            EXPECT_EQ(space.offset(space.address(offset)), offset);
            EXPECT_EQ(space.left_in_piece(offset), piece - within);
            EXPECT_EQ(space.begins_piece(offset), within == 0);
        }
    }
}

TEST(segment_space, knows_no_address_outside) {
    const segment_space space(2 * piece + unit, piece);
    const std::byte* const base = space.address(0);
    const std::byte local{};
    for (const std::byte* const foreign :
         {base + 2 * piece + unit, base + 3 * piece, base - 1, &local, static_cast<const std::byte*>(nullptr)}) {
        EXPECT_GE(space.offset(foreign), space.size()) << static_cast<const void*>(foreign);
    }
}

TEST(segment_space, reserves_piece_by_piece) {
    segment_space space(3 * piece, piece);
    EXPECT_TRUE(win::commit(space.address(0), piece)) << "the first from the start";
    for (const std::size_t offset : {piece, 2 * piece}) {
        EXPECT_FALSE(win::commit(space.address(offset), unit)) << "not yet";
        EXPECT_TRUE(space.reserve(offset + unit));
        EXPECT_TRUE(space.reserve(offset)) << "again";
        EXPECT_TRUE(win::commit(space.address(offset), piece)) << "all of the piece";
    }
}

TEST(segment_space, says_when_somebody_else_has_the_place) {
    segment_space space(2 * piece, piece);
    {
        const win::address_space other = win::address_space::at(space.address(piece), unit);
        ASSERT_TRUE(other);
        EXPECT_FALSE(space.reserve(piece));
    }
    EXPECT_TRUE(space.reserve(piece));
}

TEST(segment_space, may_be_smaller_than_a_piece) {
    const segment_space space(unit, piece);
    EXPECT_TRUE(win::commit(space.address(0), unit));
    EXPECT_GE(space.offset(space.address(0) + unit), space.size());
}

#if defined(_WIN32)
// The stacks of a process lie elsewhere each time: of the bits of a place that can vary, all do.
TEST(segment_space, lies_at_random) {
    std::uint64_t ones = 0;
    std::uint64_t zeros = 0;
    for (int count = 0; count != 124; ++count) {
        const segment_space space(std::size_t{64} << 30, unit);
        const auto address = reinterpret_cast<std::uint64_t>(space.address(0));
        ones |= address;
        zeros |= ~address;
    }
    EXPECT_EQ(ones & zeros, 0x3fff'ffff'0000u) << "each bit fails once in 2^60 runs";
}
#endif

} // namespace
} // namespace moor::stack
