#include "sched/idle_workers.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sched/run_queue.hpp"
#include "support/seed.hpp"
#include "support/spin.hpp"

namespace moor::sched {
namespace {

TEST(idle_workers, nobody_is_woken_while_nobody_sleeps) {
    idle_workers idle;
    EXPECT_FALSE(idle.claim_wakeup());
    EXPECT_FALSE(idle.start_sleeping(2, false));
    EXPECT_TRUE(idle.claim_wakeup());
    EXPECT_FALSE(idle.claim_wakeup()) << "the one that was woken counts as searching";
}

TEST(idle_workers, nobody_is_woken_while_one_searches) {
    idle_workers idle;
    EXPECT_FALSE(idle.start_sleeping(4, false));
    ASSERT_TRUE(idle.start_searching(4));
    EXPECT_FALSE(idle.claim_wakeup());
    EXPECT_TRUE(idle.stop_searching());
    EXPECT_TRUE(idle.claim_wakeup());
}

TEST(idle_workers, half_of_them_search_at_most) {
    idle_workers idle;
    EXPECT_TRUE(idle.start_searching(4));
    EXPECT_TRUE(idle.start_searching(4));
    EXPECT_FALSE(idle.start_searching(4));
    EXPECT_FALSE(idle.stop_searching());
    EXPECT_TRUE(idle.stop_searching()) << "the last one";
}

TEST(idle_workers, the_last_to_sleep_knows_it) {
    idle_workers idle;
    EXPECT_FALSE(idle.start_sleeping(3, false));
    EXPECT_FALSE(idle.start_sleeping(3, false));
    EXPECT_TRUE(idle.start_sleeping(3, false));
    idle.stop_sleeping();
    EXPECT_TRUE(idle.start_sleeping(3, false));
}

TEST(idle_workers, as_many_as_a_runtime_may_have) {
    constexpr unsigned most = 1024;
    idle_workers idle;
    for (unsigned number = 1; number < most; ++number) {
        ASSERT_FALSE(idle.start_sleeping(most, false));
    }
    EXPECT_TRUE(idle.start_sleeping(most, false));
    EXPECT_TRUE(idle_workers::all_asleep(idle.snapshot(), most));
    for (unsigned number = 0; number < most; ++number) {
        idle.stop_sleeping();
    }
    EXPECT_FALSE(idle_workers::all_asleep(idle.snapshot(), most));
    EXPECT_FALSE(idle.claim_wakeup());
}

TEST(idle_workers, a_snapshot_tells_of_a_nap_in_between) {
    idle_workers idle;
    static_cast<void>(idle.start_sleeping(2, false));
    static_cast<void>(idle.start_sleeping(2, false));
    const auto before = idle.snapshot();
    EXPECT_TRUE(idle_workers::all_asleep(before, 2));
    EXPECT_EQ(idle.snapshot(), before);
    idle.stop_sleeping();
    static_cast<void>(idle.start_sleeping(2, false));
    EXPECT_TRUE(idle_workers::all_asleep(idle.snapshot(), 2));
    EXPECT_NE(idle.snapshot(), before);
}

TEST(idle_workers, a_wake_up_on_its_way_is_no_sleep) {
    idle_workers idle;
    static_cast<void>(idle.start_sleeping(1, false));
    ASSERT_TRUE(idle.claim_wakeup());
    EXPECT_FALSE(idle_workers::all_asleep(idle.snapshot(), 1));
}

// The workers' protocol with nothing else around it: rings, idle_workers, and a port that only counts wake-ups. One
// worker queues work in its own ring and never takes it out again, as a coroutine does that computes for a long time:
// somebody else has to come for it, every time.
class protocol {
public:
    explicit protocol(unsigned thieves) : thieves_(thieves) {}

    void work_in(std::size_t index, std::uint32_t seed) {
        std::minstd_rand random(seed);
        bool searching = false;
        while (!ended_.load()) {
            if (!searching) {
                searching = idle_.start_searching(workers());
            }
            if (searching && steal(index)) {
                searching = false;
                if (idle_.stop_searching()) {
                    wake();
                }
                continue;
            }
            pause(random);
            static_cast<void>(idle_.start_sleeping(workers(), std::exchange(searching, false)));
            if (producer_.empty()) { // looked at once: from here on only a wake-up ends the sleep
                while (!take_packet(searching) && !ended_.load()) {
                    std::this_thread::yield();
                }
            } else {
                static_cast<void>(take_packet(searching));
            }
            idle_.stop_sleeping();
        }
    }

    /// False when nobody came.
    bool hand_out(std::minstd_rand& random) {
        const auto before = taken_.load();
        while (!producer_.push(item_)) {
        }
        wake();
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        for (unsigned looks = 1; taken_.load() == before; ++looks) {
            if (looks % 64 == 0) {
                std::this_thread::yield();
                if (std::chrono::steady_clock::now() > deadline) {
                    return false;
                }
            }
        }
        pause(random);
        return true;
    }

    void end() { ended_ = true; }

private:
    using ring = run_queue<int, 4>;

    [[nodiscard]] unsigned workers() const { return thieves_ + 1; }

    bool steal(std::size_t index) {
        std::uint32_t count = 0;
        if (producer_.steal_half_into(own_[index], count) == nullptr) {
            return false;
        }
        while (own_[index].pop() != nullptr) {
        }
        taken_.fetch_add(1);
        return true;
    }

    void wake() {
        if (idle_.claim_wakeup()) {
            packets_.fetch_add(1);
        }
    }

    bool take_packet(bool& searching) {
        int seen = packets_.load();
        while (seen > 0) {
            if (packets_.compare_exchange_weak(seen, seen - 1)) {
                searching = true;
                return true;
            }
        }
        return false;
    }

    // Moves the two sides against each other by up to a few hundred nanoseconds.
    static void pause(std::minstd_rand& random) { test::count_to(static_cast<int>(random() % 64)); }

    const unsigned thieves_;
    ring producer_;
    std::array<ring, 3> own_;
    int item_ = 0;
    idle_workers idle_;
    alignas(64) std::atomic<int> packets_{0};
    alignas(64) std::atomic<std::uint64_t> taken_{0};
    std::atomic<bool> ended_{false};
};

class idle_protocol : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(thieves, idle_protocol, testing::Values(1u, 3u));

TEST_P(idle_protocol, loses_no_wake_up) {
    const std::uint32_t seed = test::test_seed();
    const auto running = std::make_unique<protocol>(GetParam());
    std::vector<std::thread> thieves;
    for (unsigned index = 0; index < GetParam(); ++index) {
        thieves.emplace_back([&running, index, seed] { running->work_in(index, seed + index + 1); });
    }
    std::minstd_rand random(seed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    int rounds = 0;
    bool served = true;
    while (served && std::chrono::steady_clock::now() < end) {
        served = running->hand_out(random);
        ++rounds;
    }
    running->end();
    for (auto& thief : thieves) {
        thief.join();
    }
    EXPECT_TRUE(served) << "work stayed in a ring while others slept, in round " << rounds;
}

} // namespace
} // namespace moor::sched
