#include "sched/run_queue.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

namespace moor::sched {
namespace {

using small_queue = run_queue<int, 4>;

TEST(run_queue, is_first_in_first_out) {
    small_queue queue;
    std::array<int, 3> items{};
    for (int& item : items) {
        ASSERT_TRUE(queue.push(item));
    }
    for (int& item : items) {
        EXPECT_EQ(queue.pop(), &item);
    }
    EXPECT_EQ(queue.pop(), nullptr);
    EXPECT_TRUE(queue.empty());
}

TEST(run_queue, refuses_an_item_when_full) {
    small_queue queue;
    std::array<int, 5> items{};
    for (std::size_t index = 0; index < 4; ++index) {
        ASSERT_TRUE(queue.push(items[index]));
    }
    EXPECT_FALSE(queue.push(items[4]));
    EXPECT_EQ(queue.pop(), items.data());
    EXPECT_TRUE(queue.push(items[4]));
}

TEST(run_queue, positions_wrap_around) {
    small_queue queue;
    int item = 0;
    for (int round = 0; round < 1000; ++round) {
        ASSERT_TRUE(queue.push(item));
        ASSERT_EQ(queue.pop(), &item);
    }
}

TEST(run_queue, gives_its_older_half_to_the_shared_queue_when_full) {
    small_queue queue;
    std::array<int, 4> items{};
    std::array<int*, 2> batch{};
    ASSERT_TRUE(queue.push(items[0]));
    EXPECT_EQ(queue.take_half(batch), 0u) << "not full";
    for (std::size_t index = 1; index < 4; ++index) {
        ASSERT_TRUE(queue.push(items[index]));
    }
    ASSERT_EQ(queue.take_half(batch), 2u);
    EXPECT_THAT(batch, testing::ElementsAre(&items[0], &items[1]));
    EXPECT_EQ(queue.pop(), &items[2]);
}

TEST(run_queue, a_thief_takes_the_older_half_rounded_up) {
    small_queue victim;
    small_queue thief;
    std::array<int, 3> items{};
    for (int& item : items) {
        ASSERT_TRUE(victim.push(item));
    }
    std::uint32_t stolen = 0;
    EXPECT_EQ(victim.steal_half_into(thief, stolen), &items[1]);
    EXPECT_EQ(stolen, 2u);
    EXPECT_EQ(thief.pop(), items.data());
    EXPECT_EQ(victim.pop(), &items[2]);
    EXPECT_EQ(victim.steal_half_into(thief, stolen), nullptr);
    EXPECT_EQ(stolen, 0u);
}

// Every item that went in comes out exactly once, whoever takes it, with a ring so small that every edge is met.
TEST(run_queue, loses_and_doubles_nothing_under_theft) {
    constexpr int rounds = 100'000;
    constexpr int thieves = 3;
    small_queue queue;
    std::vector<int> items(rounds);
    std::vector<std::atomic<int>> taken(rounds);
    std::atomic<bool> finished{false};
    const auto count = [&](int* item) { taken[static_cast<std::size_t>(item - items.data())].fetch_add(1); };

    std::vector<std::thread> threads;
    for (int number = 0; number < thieves; ++number) {
        threads.emplace_back([&] {
            small_queue own;
            while (!finished.load()) {
                std::uint32_t stolen = 0;
                if (int* const loot = queue.steal_half_into(own, stolen)) {
                    count(loot);
                    while (int* const more = own.pop()) {
                        count(more);
                    }
                }
            }
        });
    }
    std::array<int*, 2> batch{};
    for (int& item : items) {
        while (!queue.push(item)) {
            const auto half = queue.take_half(batch);
            std::for_each(batch.begin(), batch.begin() + half, count);
        }
        if ((&item - items.data()) % 3 == 0) {
            if (int* const own = queue.pop()) {
                count(own);
            }
        }
    }
    while (int* const rest = queue.pop()) {
        count(rest);
    }
    finished = true;
    for (auto& thread : threads) {
        thread.join();
    }
    const auto once = std::count_if(taken.begin(), taken.end(), [](const auto& times) { return times.load() == 1; });
    EXPECT_EQ(once, rounds);
}

} // namespace
} // namespace moor::sched
