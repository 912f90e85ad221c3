#include "sched/timer_wheel.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace moor::sched {
namespace {

TEST(timer_wheel, is_empty_at_first) {
    timer_wheel wheel(17);
    EXPECT_EQ(wheel.next_due(), timer_wheel::never);
    EXPECT_EQ(wheel.expire(1'000'000), nullptr);
    EXPECT_EQ(wheel.size(), 0u);
}

TEST(timer_wheel, expires_at_its_tick_and_not_before) {
    for (const std::uint64_t due :
         {1ull, 63ull, 64ull, 65ull, 4095ull, 4096ull, 4097ull, 262'144ull, 1'000'000'007ull}) {
        timer_wheel wheel;
        timer_entry entry;
        wheel.start(entry, due);
        EXPECT_EQ(wheel.expire(due - 1), nullptr) << due;
        EXPECT_TRUE(entry.running());
        EXPECT_EQ(wheel.expire(due), &entry) << due;
        EXPECT_FALSE(entry.running());
        EXPECT_EQ(wheel.expire(due), nullptr);
    }
}

TEST(timer_wheel, one_that_is_due_already_expires_at_once) {
    timer_wheel wheel(1000);
    timer_entry late;
    timer_entry now;
    wheel.start(late, 5);
    wheel.start(now, 1000);
    EXPECT_EQ(wheel.next_due(), 1000u);
    EXPECT_NE(wheel.expire(1000), nullptr);
    EXPECT_NE(wheel.expire(1000), nullptr);
    EXPECT_EQ(wheel.size(), 0u);
}

TEST(timer_wheel, a_cancelled_one_never_expires) {
    timer_wheel wheel;
    timer_entry first;
    timer_entry second;
    timer_entry third;
    wheel.start(first, 100);
    wheel.start(second, 100);
    wheel.start(third, 100);
    EXPECT_TRUE(wheel.cancel(second));
    EXPECT_FALSE(wheel.cancel(second));
    EXPECT_TRUE(wheel.cancel(third));
    EXPECT_EQ(wheel.expire(200), &first);
    EXPECT_EQ(wheel.expire(200), nullptr);
    EXPECT_EQ(wheel.next_due(), timer_wheel::never) << "the slot counts as empty";
}

TEST(timer_wheel, next_due_is_never_late) {
    std::mt19937_64 random(11);
    for (int round = 0; round < 2000; ++round) {
        const std::uint64_t start = random() >> (random() % 60 + 4);
        timer_wheel wheel(start);
        timer_entry entry;
        const std::uint64_t due = start + (random() >> (random() % 40 + 24));
        wheel.start(entry, due);
        // Following next_due from look to look arrives exactly at the timer, in few steps.
        int looks = 0;
        for (;; ++looks) {
            const std::uint64_t next = wheel.next_due();
            ASSERT_LE(next, std::max(due, start));
            if (wheel.expire(next) == &entry) {
                ASSERT_EQ(next, std::max(due, start));
                break;
            }
            ASSERT_LT(looks, 10);
        }
    }
}

TEST(timer_wheel, a_timer_beyond_the_last_level_comes_round) {
    timer_wheel wheel(1);
    timer_entry far;
    wheel.start(far, timer_wheel::never);
    EXPECT_EQ(wheel.expire(std::uint64_t{1} << 50), nullptr);
    EXPECT_TRUE(far.running());
    EXPECT_EQ(wheel.size(), 1u);
    EXPECT_TRUE(wheel.cancel(far));
}

// Against the obvious implementation: random starts, cancels and advances.
TEST(timer_wheel, agrees_with_a_sorted_map) {
    const auto seed = static_cast<std::uint64_t>(std::random_device{}());
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::uint64_t now = random() % 100'000;
    timer_wheel wheel(now);
    std::vector<timer_entry> entries(500);
    std::multimap<std::uint64_t, timer_entry*> model;
    for (int step = 0; step < 200'000; ++step) {
        timer_entry& entry = entries[random() % entries.size()];
        switch (random() % 4) {
        case 0:
        case 1:
            if (!entry.running()) {
                const std::uint64_t due = now + (random() & ((std::uint64_t{1} << (random() % 32)) - 1));
                wheel.start(entry, due);
                model.emplace(due, &entry);
            }
            break;
        case 2:
            if (wheel.cancel(entry)) {
                const auto found =
                    std::find_if(model.begin(), model.end(), [&](auto& known) { return known.second == &entry; });
                ASSERT_NE(found, model.end());
                model.erase(found);
            }
            break;
        default:
            now += random() & ((std::uint64_t{1} << (random() % 24)) - 1);
            std::uint64_t last = 0;
            while (timer_entry* const expired = wheel.expire(now)) {
                ASSERT_LE(expired->due, now);
                ASSERT_GE(expired->due, last) << "out of order";
                last = expired->due;
                const auto found =
                    std::find_if(model.begin(), model.end(), [&](auto& known) { return known.second == expired; });
                ASSERT_NE(found, model.end());
                model.erase(found);
            }
            ASSERT_TRUE(model.empty() || model.begin()->first > now) << "one is overdue";
        }
        ASSERT_EQ(wheel.size(), model.size());
        ASSERT_LE(wheel.next_due(), model.empty() ? timer_wheel::never : model.begin()->first);
    }
}

} // namespace
} // namespace moor::sched
