// Nobody who becomes ready waits for long while others compute. Told in turns of those who compute, not in time: on a
// loaded machine each may take long. The bound in milliseconds is the benchmark's (bench/sched/waits_bench.cpp).
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "sched/signal.hpp"
#include "support/run.hpp"
#include "support/spin.hpp"
#include "support/waits.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using test::giving_way;
using test::signal;
using test::wait_setup;

void compute_for(steady::duration time) {
    for (const auto end = steady::now() + time; steady::now() < end;) {
    }
}

// ---- Those who become ready, beside those who compute --------------------------------------------------------------

struct beside {
    giving_way how;
    unsigned workers;
    unsigned computing;
};

class waits_beside : public testing::TestWithParam<beside> {};

std::vector<beside> all_kinds() {
    std::vector<beside> all;
    for (const auto how : {giving_way::preempted, giving_way::maybe_yield, giving_way::yield}) {
        for (const auto& size : {beside{how, 1, 1}, {how, 1, 2}, {how, 2, 2}, {how, 2, 4}}) {
            all.push_back(size);
        }
    }
    return all;
}

std::string name_of_kind(const testing::TestParamInfo<beside>& tested) {
    return std::string(to_string(tested.param.how)) + '_' + std::to_string(tested.param.computing) + "_on_" +
           std::to_string(tested.param.workers);
}

INSTANTIATE_TEST_SUITE_P(those_who, waits_beside, testing::ValuesIn(all_kinds()), name_of_kind);

// A wait is for the rest of one turn; at most for one more, when the event came between the look at the port and its
// beginning. The median of the rounds is taken, since the machine may delay the event itself.
TEST_P(waits_beside, are_over_in_a_turn_or_two) {
    const auto [how, workers, computing] = GetParam();
    constexpr unsigned rounds = 9;
    for (const auto what : test::all_awaited) {
        auto waits = test::measure_waits({workers, computing, how}, what, rounds);
        ASSERT_EQ(waits.size(), rounds);
        const auto middle = waits.begin() + rounds / 2;
        std::nth_element(waits.begin(), middle, waits.end(),
                         [](const auto& one, const auto& other) { return one.turns < other.turns; });
        const unsigned hops = what == test::awaited::tcp_round_trip ? 2 : 1;
        EXPECT_LE(middle->turns, 2 * hops * workers) << to_string(what);
    }
}

// No turn is long, but a round of all of them is.
TEST(waits, are_short_beside_many_who_yield_soon) {
    constexpr unsigned rounds = 9;
    constexpr unsigned computing = 150; // 45 ms a round
    // Not datagrams: on a loaded machine the way to Wine's server and back is many of these turns.
    for (const auto what : {test::awaited::timer, test::awaited::spawn_by_thread}) {
        auto waits = test::measure_waits({1, computing, giving_way::medium_turns}, what, rounds);
        ASSERT_EQ(waits.size(), rounds);
        const auto middle = waits.begin() + rounds / 2;
        std::nth_element(waits.begin(), middle, waits.end(),
                         [](const auto& one, const auto& other) { return one.turns < other.turns; });
        EXPECT_LE(middle->turns, computing / 3) << to_string(what);
    }
}

// Two that compute and then wake each other use the next slot: their slice is over by time, not by a number of turns.
TEST(waits, end_beside_two_that_compute_and_wake_each_other) {
    test::in_runtime(1, [] {
        std::atomic<bool> stop{false};
        std::atomic<unsigned> turns{0};
        std::array<signal, 2> wake;
        std::vector<join_handle<void>> pair;
        for (const unsigned number : {0u, 1u}) {
            pair.push_back(spawn([&, number] {
                while (!stop) {
                    wake[number].wait();
                    compute_for(9ms);
                    ++turns;
                    wake[1 - number].set();
                }
                wake[1 - number].set();
            }));
        }
        wake[0].set();
        std::vector<unsigned> waits;
        for (int round = 0; round < 9; ++round) {
            const unsigned before = turns;
            this_coroutine::sleep_for(1ms);
            waits.push_back(turns - before);
        }
        stop = true;
        for (auto& each : pair) {
            each.join();
        }
        std::sort(waits.begin(), waits.end());
        EXPECT_LE(waits[waits.size() / 2], 3u);
    });
}

// ---- Those who compute, beside those who are always ready ----------------------------------------------------------

// Passes a token among more than the next slot has room for, so that somebody is always ready.
class busy_ring {
public:
    busy_ring() {
        for (std::size_t number = 0; number < wake_.size(); ++number) {
            members_.push_back(spawn([this, number] {
                while (!stop_) {
                    wake_[number].wait();
                    wake_[(number + 1) % wake_.size()].set();
                }
                for (auto& each : wake_) {
                    each.set();
                }
            }));
        }
        wake_[0].set();
        wake_[wake_.size() / 2].set();
        wake_[1].set();
    }

    void stop() {
        stop_ = true;
        for (auto& each : wake_) {
            each.set();
        }
        for (auto& each : members_) {
            each.join();
        }
    }

private:
    std::atomic<bool> stop_{false};
    std::array<signal, 8> wake_;
    std::vector<join_handle<void>> members_;
};

class share_of : public testing::TestWithParam<giving_way> {};
INSTANTIATE_TEST_SUITE_P(those_who, share_of, testing::Values(giving_way::preempted, giving_way::yield),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST_P(share_of, is_had_beside_others_that_are_always_ready) {
    test::in_runtime(1, [how = GetParam()] {
        std::atomic<bool> stop{false};
        std::atomic<unsigned> steps{0};
        const auto computes = [&] {
            while (!stop.load(std::memory_order_relaxed)) {
                test::count_to(1'000'000); // reads no clock: the system's code is not interrupted
                ++steps;
            }
        };
        const auto is_polite = [&] {
            while (!stop.load(std::memory_order_relaxed)) {
                compute_for(2ms);
                ++steps;
                this_coroutine::yield();
            }
        };
        busy_ring ring;
        std::vector<join_handle<void>> computing;
        for (int number = 0; number < 2; ++number) {
            computing.push_back(how == giving_way::preempted ? spawn({.preemptible = true}, computes)
                                                             : spawn(is_polite));
        }
        const auto deadline = steady::now() + 30s;
        while (steps < 20 && steady::now() < deadline) {
            this_coroutine::sleep_for(1ms);
        }
        EXPECT_GE(steps.load(), 20u);
        stop = true;
        for (auto& each : computing) {
            each.join();
        }
        ring.stop();
    });
}

} // namespace
} // namespace moor
