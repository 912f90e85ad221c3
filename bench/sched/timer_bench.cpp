// Starting and cancelling a timer while a million others run, all with deadlines spread over an hour at random. One
// benchmark does what a call with a deadline does (starts a timer of its own and cancels it soon after, the last 64 are
// always running); the other one moves a random one of the million, which besides the wheel's work measures how far
// away its memory is.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "sched/timers.hpp"
#include "support/measured.hpp"

namespace moor::bench {
namespace {

using sched::sleeper;
using sched::steady;
using sched::timers;

constexpr std::size_t crowd_size = 1'000'000;
constexpr std::size_t pattern_size = std::size_t{1} << 16; // random deadlines drawn before the measurement

/// A million running timers. None comes due: the deadlines are reckoned from an hour ahead.
class crowd {
public:
    crowd() : random_(12345), begins_(steady::now() + std::chrono::hours(1)) {
        for (std::size_t index = 0; index < crowd_size; ++index) {
            wheel.start(sleepers.emplace_back(detail::wait_ticket()), random_deadline());
        }
    }
    ~crowd() {
        for (sleeper& each : sleepers) {
            timers::cancel(each);
        }
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

    [[nodiscard]] steady::time_point random_deadline() {
        constexpr std::int64_t span = std::chrono::nanoseconds(std::chrono::hours(1)).count();
        return begins_ + std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(0, span)(random_));
    }

    [[nodiscard]] std::vector<steady::time_point> random_deadlines() {
        std::vector<steady::time_point> drawn(pattern_size);
        for (auto& each : drawn) {
            each = random_deadline();
        }
        return drawn;
    }

    /// All of them, in random order.
    [[nodiscard]] std::vector<sleeper*> shuffled_members() {
        std::vector<sleeper*> members;
        for (sleeper& each : sleepers) {
            members.push_back(&each);
        }
        std::shuffle(members.begin(), members.end(), random_);
        return members;
    }

    timers wheel;
    std::deque<sleeper> sleepers;

private:
    std::mt19937_64 random_;
    const steady::time_point begins_;
};

crowd& the_crowd() {
    static crowd made;
    return made;
}

void timer_among_million(benchmark::State& state) {
    constexpr std::size_t kept = 64;
    crowd& others = the_crowd();
    const auto deadlines = others.random_deadlines();
    std::deque<sleeper> own;
    for (std::size_t index = 0; index < kept; ++index) {
        others.wheel.start(own.emplace_back(detail::wait_ticket()), deadlines[index]);
    }
    std::size_t turn = 0;
    for (auto _ : state) {
        sleeper& each = own[turn % kept];
        timers::cancel(each);
        others.wheel.start(each, deadlines[turn % pattern_size]);
        ++turn;
    }
    if (others.wheel.size() != crowd_size + kept) {
        state.SkipWithError("timers were lost");
    }
    for (sleeper& each : own) {
        timers::cancel(each);
    }
}

void move_random_timer_of_million(benchmark::State& state) {
    crowd& others = the_crowd();
    const auto deadlines = others.random_deadlines();
    const auto members = others.shuffled_members();
    std::size_t turn = 0;
    for (auto _ : state) {
        sleeper& each = *members[turn % crowd_size];
        timers::cancel(each);
        others.wheel.start(each, deadlines[turn % pattern_size]);
        ++turn;
    }
    if (others.wheel.size() != crowd_size) {
        state.SkipWithError("timers were lost");
    }
}

BENCHMARK(timer_among_million)->Apply(measured);
BENCHMARK(move_random_timer_of_million)->Apply(measured);

} // namespace
} // namespace moor::bench
