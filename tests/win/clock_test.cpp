// The one clock: it is the system's steady clock, unless somebody replaces it for a while.
#include "win/clock.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include <moor/detail/deadline.hpp>
#include <moor/wait_limit.hpp>

namespace moor::win {
namespace {

using namespace std::chrono_literals;
using time_point = moor::detail::wait_clock::time_point;

constexpr time_point fixed{123'456h};

time_point fixed_now() noexcept { return fixed; }
std::uint64_t fixed_cycles() noexcept { return 4711; }

TEST(clock, is_the_systems_steady_clock) {
    const auto before = std::chrono::steady_clock::now();
    const auto read = moor::detail::now();
    EXPECT_LE(before, read);
    EXPECT_LE(read, std::chrono::steady_clock::now());
}

TEST(clock, counts_the_processors_cycles) {
    const auto before = cycles();
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) {
    }
    EXPECT_GT(cycles() - before, 200'000u) << "a tenth of a gigahertz";
}

TEST(clock, is_another_while_it_is_replaced) {
    {
        const replaced_clock other({&fixed_now, &fixed_cycles});
        EXPECT_EQ(moor::detail::now(), fixed);
        EXPECT_EQ(cycles(), 4711u);
        EXPECT_EQ(wait_limit(5ms).deadline(), fixed + 5ms);
        EXPECT_EQ(wait_limit(0ms).deadline(), fixed) << "over at once";
    }
    EXPECT_NE(moor::detail::now(), fixed);
    EXPECT_NE(cycles(), 4711u);
}

// A clock of the user's.
struct users_clock {
    using duration = std::chrono::milliseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<users_clock>;
    static time_point now() noexcept { return time_point(1000ms); }
};

// It is read as it is; what is left by it counts from the library's time.
TEST(clock, of_a_user_tells_how_far_away_a_deadline_is) {
    const replaced_clock other({&fixed_now, &fixed_cycles});
    EXPECT_EQ(moor::detail::deadline_at(users_clock::time_point(1500ms)), fixed + 500ms);
}

} // namespace
} // namespace moor::win
