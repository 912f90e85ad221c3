#include <moor/wait_limit.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <stop_token>

#include <gtest/gtest.h>

namespace moor {
namespace {

using namespace std::chrono_literals;
using clock = wait_limit::clock;

// Stands for any call that takes a limit.
wait_limit given(wait_limit limit) { return limit; }

TEST(wait_limit, none_is_none) {
    const wait_limit none;
    EXPECT_FALSE(none.has_deadline());
    EXPECT_FALSE(none.token().stop_possible());
    EXPECT_EQ(none.deadline(), wait_limit::time_point::max());
}

TEST(wait_limit, a_duration_counts_from_the_conversion) {
    const auto before = clock::now();
    const wait_limit limit = given(5s);
    const auto after = clock::now();
    EXPECT_TRUE(limit.has_deadline());
    EXPECT_GE(limit.deadline(), before + 5s);
    EXPECT_LE(limit.deadline(), after + 5s);
}

TEST(wait_limit, is_never_rounded_down) {
    const auto before = clock::now();
    EXPECT_GE(given(std::chrono::duration<double, std::pico>(1)).deadline(), before + clock::duration(1));
    EXPECT_GE(given(std::chrono::duration<double>(1.5)).deadline(), before + 1500ms);
}

TEST(wait_limit, huge_durations_mean_never) {
    EXPECT_FALSE(given(clock::duration::max()).has_deadline());
    EXPECT_FALSE(given(std::chrono::hours::max()).has_deadline());
    EXPECT_FALSE(given(std::chrono::years::max()).has_deadline());
    EXPECT_FALSE(given(std::chrono::duration<std::uint64_t, std::milli>::max()).has_deadline());
    EXPECT_FALSE(given(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).has_deadline());
    EXPECT_FALSE(given(clock::time_point::max()).has_deadline());
    EXPECT_TRUE(given(24h * 365 * 100).has_deadline()) << "a century is not never";
}

TEST(wait_limit, negative_durations_are_over) {
    // One after the other: the arguments of one call may be evaluated in any order.
    const auto is_over = [](const wait_limit& limit) { return limit.deadline() <= clock::now(); };
    EXPECT_TRUE(is_over(given(-1ns)));
    EXPECT_TRUE(is_over(given(clock::duration::min())));
    EXPECT_TRUE(is_over(given(std::chrono::hours::min())));
    EXPECT_TRUE(is_over(given(std::chrono::duration<double>(-1e300))));
}

TEST(wait_limit, carries_a_token_with_or_without_deadline) {
    std::stop_source source;
    const wait_limit token_only = given(source.get_token());
    EXPECT_FALSE(token_only.has_deadline());
    EXPECT_TRUE(token_only.token().stop_possible());
    const wait_limit both(1s, source.get_token());
    EXPECT_TRUE(both.has_deadline());
    const auto when = clock::now() + 1h;
    const wait_limit at(when, source.get_token());
    EXPECT_EQ(at.deadline(), when);
    source.request_stop();
    EXPECT_TRUE(token_only.token().stop_requested() && both.token().stop_requested() && at.token().stop_requested());
}

TEST(wait_limit, the_earlier_of_two_deadlines) {
    std::stop_source source;
    const auto soon = clock::now() + 1s;
    const auto late = soon + 1h;
    EXPECT_EQ(wait_limit(late, source.get_token()).no_later_than(soon).deadline(), soon);
    EXPECT_EQ(wait_limit(soon).no_later_than(late).deadline(), soon);
    EXPECT_EQ(wait_limit().no_later_than(late).deadline(), late);
    EXPECT_TRUE(wait_limit(late, source.get_token()).no_later_than(soon).token().stop_possible());
    EXPECT_FALSE(wait_limit().no_later_than(wait_limit::time_point::max()).has_deadline());
}

} // namespace
} // namespace moor
