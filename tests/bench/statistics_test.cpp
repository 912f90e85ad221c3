// Medians, ratios, and numbers as text.
#include "report/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/number_text.hpp"

namespace moor::bench::report {
namespace {

TEST(spread_of, odd_even_and_one) {
    const spread odd = spread_of({3, 1, 2});
    EXPECT_EQ(odd.median, 2);
    EXPECT_EQ(odd.least, 1);
    EXPECT_EQ(odd.most, 3);
    EXPECT_EQ(spread_of({4, 1, 2, 3}).median, 2.5);
    EXPECT_EQ(spread_of({7}).median, 7);
}

TEST(ratios, of_the_same_round) {
    EXPECT_THAT(ratios({2, 6, 9}, {1, 2}), testing::ElementsAre(2, 3));
    EXPECT_THAT(ratios({2, 6}, {0, 2}), testing::ElementsAre(3));
}

TEST(number_text, digits) {
    EXPECT_EQ(number_text(0), "0.00");
    EXPECT_EQ(number_text(1.234), "1.23");
    EXPECT_EQ(number_text(9.996), "10.0");
    EXPECT_EQ(number_text(99.96), "100");
    EXPECT_EQ(number_text(1234.5), "1,234");
    EXPECT_EQ(number_text(-1234567), "-1,234,567");
}

TEST(quantity_text, units) {
    EXPECT_EQ(quantity_text(12.34, "ns"), "12.3 ns");
    EXPECT_EQ(quantity_text(12340, "ns"), "12.3 µs");
    EXPECT_EQ(quantity_text(1.5e9, "ns"), "1.50 s");
    EXPECT_EQ(quantity_text(2560, "bytes"), "2.50 KiB");
    EXPECT_EQ(quantity_text(3, "ms"), "3.00 ms");
    EXPECT_EQ(range_text({1500, 900, 2000}, "ns"), "0.90 … 2.00 µs");
}

} // namespace
} // namespace moor::bench::report
