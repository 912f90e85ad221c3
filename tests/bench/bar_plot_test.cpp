// Plots: what is drawn, and when an axis is logarithmic.
#include "report/bar_plot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moor::bench::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(bar_plot, labels_values_and_escapes) {
    const std::string svg = bar_plot({{"yield & co", "ns", {{"a<b", {12, 11, 14}, true}, {"other", {20, 19, 22}}}}});
    EXPECT_THAT(svg, testing::StartsWith("<svg "));
    EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
    EXPECT_THAT(svg, HasSubstr("yield &amp; co</text>"));
    EXPECT_THAT(svg, HasSubstr("a&lt;b"));
    EXPECT_THAT(svg, HasSubstr("12.0 ns"));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(bar_plot, is_logarithmic_beyond_thirty_times) {
    EXPECT_THAT(bar_plot({{"t", "ns", {{"a", {1, 1, 1}}, {"b", {29, 29, 29}}}}}), Not(HasSubstr("logarithmic")));
    EXPECT_THAT(bar_plot({{"t", "ns", {{"a", {1, 1, 1}}, {"b", {31, 31, 31}}}}}), HasSubstr("logarithmic"));
}

TEST(bar_plot, zeros_and_nothing) {
    const std::string zero = bar_plot({{"t", "ms", {{"a", {0, 0, 0}}}}});
    EXPECT_THAT(zero, Not(HasSubstr("nan")));
    EXPECT_THAT(zero, Not(HasSubstr("inf")));
    EXPECT_THAT(bar_plot({{"nothing", "ms", {}}}), Not(HasSubstr("nothing")));
}

} // namespace
} // namespace moor::bench::report
