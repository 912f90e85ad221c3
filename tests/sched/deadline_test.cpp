#include <moor/detail/deadline.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

#include <gtest/gtest.h>

#include <moor/wait_limit.hpp>

namespace moor {
namespace {

using namespace std::chrono_literals;
using detail::deadline_after;
using detail::deadline_at;
using detail::saturated;
using clock = detail::wait_clock;
using ticks = clock::duration;
using time_point = clock::time_point;

template <class Representation, class Period>
using of = std::chrono::duration<Representation, Period>;
template <class Period>
using real = std::chrono::duration<double, Period>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

TEST(deadline, every_duration_in_ticks) {
    struct {
        ticks is;
        ticks wanted;
    } const cases[] = {
        // Exact, whatever the unit.
        {saturated(1500ms), 1500ms},
        {saturated(-1500ms), -1500ms},
        {saturated(ticks::max()), ticks::max()},
        {saturated(ticks::min()), ticks::min()},
        {saturated(ticks::max() - ticks(1)), ticks::max() - ticks(1)},
        {saturated(24h * 365 * 290), 24h * 365 * 290},
        {saturated(of<std::uint64_t, std::pico>::max()), ticks(18'446'744'073'709'552)},
        {saturated(of<std::int8_t, std::ratio<3600>>(127)), 127h},
        {saturated(of<unsigned char, std::ratio<1>>(255)), 255s},
        {saturated(of<std::int64_t, std::ratio<1001, 30000>>(90'000'000'000)), ticks(3'003'000'000'000'000'000)},
        {saturated(of<int, std::giga>(5)), ticks(5'000'000'000'000'000'000)},
        {saturated(of<int, std::ratio<8'000'000'000>>(1)), ticks(8'000'000'000'000'000'000)},
        // Rounded up, also below zero.
        {saturated(of<std::int64_t, std::pico>(1)), ticks(1)},
        {saturated(of<std::int64_t, std::pico>(1001)), ticks(2)},
        {saturated(of<std::int64_t, std::pico>(-1001)), ticks(-1)},
        {saturated(of<std::int64_t, std::ratio<1, 3>>(1)), ticks(333'333'334)},
        {saturated(of<std::int64_t, std::ratio<1, 3>>(-1)), ticks(-333'333'333)},
        {saturated(real<std::ratio<1>>(1.5)), 1500ms},
        {saturated(real<std::pico>(1)), ticks(1)},
        {saturated(real<std::nano>(-0.5)), ticks(0)},
        {saturated(of<float, std::milli>(0.25f)), 250us},
        {saturated(of<long double, std::ratio<1>>(2)), 2s},
        {saturated(real<std::exa>(1e-18)), 1s},
        // Too much, and too little.
        {saturated(std::chrono::microseconds::max()), ticks::max()},
        {saturated(std::chrono::microseconds::min()), ticks::min()},
        {saturated(std::chrono::hours::max()), ticks::max()},
        {saturated(std::chrono::hours::min()), ticks::min()},
        {saturated(std::chrono::years::max()), ticks::max()},
        {saturated(of<std::uint64_t, std::nano>::max()), ticks::max()},
        {saturated(of<std::uint64_t, std::milli>::max()), ticks::max()},
        {saturated(of<std::int64_t, std::ratio<1, 3>>::max()), ticks::max()},
        {saturated(of<int, std::exa>(1)), ticks::max()},
        {saturated(of<int, std::exa>(-1)), ticks::min()},
        {saturated(of<int, std::exa>(0)), ticks(0)},
        {saturated(real<std::ratio<1>>(1e300)), ticks::max()},
        {saturated(real<std::ratio<1>>(-1e300)), ticks::min()},
        {saturated(real<std::nano>(0x1p63)), ticks::max()},
        {saturated(real<std::nano>(-0x1p63)), ticks::min()},
        {saturated(real<std::nano>(infinity)), ticks::max()},
        {saturated(real<std::nano>(-infinity)), ticks::min()},
        {saturated(real<std::nano>(no_number)), ticks::min()},
    };
    for (const auto& each : cases) {
        EXPECT_EQ(each.is.count(), each.wanted.count()) << "case " << &each - cases;
    }
    static_assert(saturated(std::chrono::days(1)) == 24h && saturated(real<std::ratio<60>>(0.5)) == 30s);
}

TEST(deadline, after_a_duration) {
    constexpr time_point now(1h);
    static_assert(deadline_after(now, 5s) == now + 5s);
    EXPECT_EQ(deadline_after(now, 0s), now);
    EXPECT_EQ(deadline_after(now, -1s), now);
    EXPECT_EQ(deadline_after(now, std::chrono::hours::min()), now);
    EXPECT_EQ(deadline_after(now, real<std::ratio<1>>(no_number)), now);
    EXPECT_EQ(deadline_after(now, std::chrono::hours::max()), time_point::max());
    EXPECT_EQ(deadline_after(now, ticks::max()), time_point::max());
    EXPECT_EQ(deadline_after(now, ticks::max() - 1h), time_point::max());
    EXPECT_EQ(deadline_after(now, ticks::max() - 1h - ticks(1)), time_point::max() - ticks(1));
    EXPECT_EQ(deadline_after(time_point(-1h), ticks::max()), time_point::max()) << "a clock may begin below zero";
    EXPECT_EQ(deadline_after(time_point(-1h), ticks::max() - 2h), time_point::max() - 3h);
}

// Clocks of one fixed time.
template <class Duration, std::int64_t Now>
struct fixed_clock {
    using duration = Duration;
    using rep = typename duration::rep;
    using period = typename duration::period;
    using time_point = std::chrono::time_point<fixed_clock>;
    static constexpr bool is_steady = false;
    static time_point now() { return time_point(duration(static_cast<rep>(Now))); }
};

// The deadline of `at` lies `wanted` from now.
template <class TimePoint>
void expect_in(const TimePoint& at, ticks wanted) {
    const time_point before = clock::now();
    const time_point deadline = deadline_at(at);
    const time_point after = clock::now();
    EXPECT_GE(deadline, before + wanted);
    EXPECT_LE(deadline, after + wanted);
}

TEST(deadline, at_a_time_of_any_clock) {
    using namespace std::chrono;
    // The deadline before the clock: arguments may be evaluated in any order.
    const auto is_no_later_than = [](const auto& when, clock::duration from_now) {
        const time_point deadline = deadline_at(when);
        return deadline <= clock::now() + from_now;
    };
    // The years 3000 and 1500: beyond 64-bit nanoseconds.
    EXPECT_EQ(deadline_at(sys_days(year{3000} / 1 / 1)), time_point::max());
    EXPECT_EQ(deadline_at(time_point_cast<seconds>(sys_days(year{3000} / 1 / 1))), time_point::max());
    EXPECT_TRUE(is_no_later_than(sys_days(year{1500} / 1 / 1), 0s));
    EXPECT_EQ(deadline_at(system_clock::time_point::max()), time_point::max());
    EXPECT_TRUE(is_no_later_than(system_clock::time_point::min(), 0s));
    EXPECT_EQ(deadline_at(std::chrono::time_point<system_clock, real<std::ratio<1>>>(real<std::ratio<1>>(infinity))),
              time_point::max());
    EXPECT_TRUE(is_no_later_than(
        std::chrono::time_point<system_clock, real<std::ratio<1>>>(real<std::ratio<1>>(no_number)), 0s));
    EXPECT_GE(deadline_at(sys_days(year{2200} / 1 / 1)), clock::now() + 24h * 365 * 100);
    EXPECT_TRUE(is_no_later_than(system_clock::now() - 1s, 0s));
    EXPECT_TRUE(is_no_later_than(system_clock::now() + 10s, 10s));

    using seconds_clock = fixed_clock<seconds, 1000>;
    expect_in(seconds_clock::time_point(1010s), 10s);
    expect_in(seconds_clock::time_point(1000s), 0s);
    expect_in(seconds_clock::time_point(-1000s), 0s);
    EXPECT_EQ(deadline_at(seconds_clock::time_point::max()), time_point::max());
    EXPECT_TRUE(is_no_later_than(seconds_clock::time_point::min(), 0s));
    expect_in(fixed_clock<real<std::milli>, 7>::time_point(real<std::milli>(7.5)), 500us);
    // One that begins in the future, as that of files does: the difference does not fit.
    using late_clock = fixed_clock<nanoseconds, -6'000'000'000'000'000'000>;
    EXPECT_EQ(deadline_at(late_clock::time_point(nanoseconds(6'000'000'000'000'000'000))), time_point::max());
    expect_in(late_clock::now() + 1s, 1s);
    using unsigned_clock = fixed_clock<of<std::uint32_t, std::milli>, 4'000'000'000>;
    expect_in(unsigned_clock::time_point(of<std::uint32_t, std::milli>(5)), 0s);
}

TEST(deadline, of_the_own_clock_is_itself) {
    const time_point when = clock::now();
    EXPECT_EQ(deadline_at(when), when);
    EXPECT_EQ(deadline_at(time_point::max()), time_point::max());
    EXPECT_EQ(deadline_at(time_point::min()), time_point::min());
    EXPECT_EQ(deadline_at(std::chrono::time_point<clock, std::chrono::hours>::max()), time_point::max());
    EXPECT_EQ(deadline_at(std::chrono::time_point<clock, std::chrono::hours>::min()), time_point::min());
    EXPECT_EQ(wait_limit(std::chrono::time_point<clock, std::chrono::hours>::max()).deadline(), time_point::max());
    EXPECT_EQ(wait_limit(std::chrono::time_point<clock, real<std::milli>>(1.5ms)).deadline(), time_point(1500us));
}

} // namespace
} // namespace moor
