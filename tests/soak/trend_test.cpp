#include "soak/trend.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace moor::test {
namespace {

using series = std::vector<std::uint64_t>;

series rising_by(std::uint64_t step, std::size_t rounds, std::uint64_t noise) {
    std::minstd_rand random(7);
    series made;
    for (std::size_t round = 0; round != rounds; ++round) {
        made.push_back(1000 + round * step + (noise != 0 ? random() % noise : 0));
    }
    return made;
}

TEST(trend, of_what_stays) {
    EXPECT_FALSE(has_grown(series(100, 5), {}));
    EXPECT_FALSE(has_grown(rising_by(0, 100, 200), {}));
}

TEST(trend, of_one_in_every_round) {
    EXPECT_TRUE(has_grown(rising_by(1, 8, 0), {}));
    EXPECT_TRUE(has_grown(rising_by(1, 1000, 200), {}));
    EXPECT_FALSE(has_grown(rising_by(1, 8, 0), {.fixed = 4}));
    EXPECT_TRUE(has_grown(rising_by(1, 8, 0), {.fixed = 2}));
}

TEST(trend, of_what_warms_up) {
    series warm = rising_by(100, 25, 0);
    warm.resize(100, warm.back());
    EXPECT_FALSE(has_grown(warm, {}));
}

TEST(trend, of_one_high_round) {
    series high(100, 5);
    high[90] = 1'000'000;
    EXPECT_FALSE(has_grown(high, {}));
    high.assign(100, 5);
    high.resize(150, 6); // one step, in the second half
    EXPECT_TRUE(has_grown(high, {}));
}

TEST(trend, is_relative_where_that_is_allowed) {
    const series rising = rising_by(1, 1000, 0); // from 1499 at most to 1750 at least
    EXPECT_TRUE(has_grown(rising, {.share_of = 8}));
    EXPECT_FALSE(has_grown(rising, {.share_of = 5}));
}

TEST(trend, of_too_few_rounds_is_none) { EXPECT_FALSE(has_grown(rising_by(100, 7, 0), {})); }

} // namespace
} // namespace moor::test
