// When a worker looks at the time: seldom while its turns are short, after each long one, and when it is asked to.
#include "sched/turn_clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace moor::sched {
namespace {

using namespace std::chrono_literals;
using steady = turn_clock::steady;

void spend(std::chrono::milliseconds time) {
    for (const auto end = steady::now() + time; steady::now() < end;) {
    }
}

// Turns until the next look is due, which is taken. Each lasts as long as `turn` takes.
template <class Turn>
std::uint32_t turns_to_look(turn_clock& clock, Turn&& turn) {
    for (std::uint32_t count = 1;; ++count) {
        turn();
        const std::uint32_t ended = clock.next();
        if (clock.look_is_due(ended)) {
            static_cast<void>(clock.look(ended));
            return count;
        }
    }
}

TEST(turn_clock, looks_seldom_while_turns_are_short) {
    turn_clock clock;
    clock.begin();
    std::uint32_t longest = 0;
    for (int looks = 0; looks < 20; ++looks) { // a turn may be long once, when the system takes the processor
        longest = std::max(longest, turns_to_look(clock, [] {}));
    }
    EXPECT_EQ(longest, 32u);
}

TEST(turn_clock, looks_after_each_turn_when_they_are_long) {
    turn_clock clock;
    clock.begin();
    for (int looks = 0; looks < 10; ++looks) {
        static_cast<void>(turns_to_look(clock, [] {}));
    }
    static_cast<void>(turns_to_look(clock, [] { spend(1ms); })); // finds out
    EXPECT_EQ(turns_to_look(clock, [] { spend(1ms); }), 1u);
    EXPECT_EQ(turns_to_look(clock, [] { spend(1ms); }), 1u);
}

TEST(turn_clock, looks_at_once_when_it_is_asked_to) {
    turn_clock clock;
    clock.begin();
    for (int looks = 0; looks < 20; ++looks) {
        static_cast<void>(turns_to_look(clock, [] {}));
    }
    static_cast<void>(clock.next());
    clock.look_soon();
    EXPECT_TRUE(clock.look_is_due(clock.turns()));
}

TEST(turn_clock, maintenance_is_due_after_a_while_and_not_right_after_it) {
    turn_clock clock;
    clock.begin();
    clock.maintained();
    spend(5ms); // 2^20 cycles are less on any processor
    EXPECT_TRUE(clock.maintenance_is_due());
    EXPECT_TRUE(clock.look(clock.next()));
    const std::uint32_t before = clock.times_maintained();
    clock.begin();
    clock.maintained();
    EXPECT_EQ(clock.times_maintained(), before + 1);
    bool due_at_once = true;
    for (int time = 0; time < 20 && due_at_once; ++time) { // the system may take the processor for so long
        clock.begin();
        clock.maintained();
        due_at_once = clock.look(clock.next());
    }
    EXPECT_FALSE(due_at_once);
}

TEST(turn_clock, knows_how_long_turns_are) {
    turn_clock clock;
    for (int turn = 0; turn < 7; ++turn) { // before it begins
        static_cast<void>(clock.next());
    }
    const auto begun = clock.begin();
    for (int turn = 0; turn < 10; ++turn) {
        static_cast<void>(clock.next());
    }
    EXPECT_EQ(clock.average(clock.turns(), begun + 20ms), 2ms);
    EXPECT_EQ(clock.average(clock.turns() - 10, begun + 20ms), 20ms) << "within the first turn it is that one's";
}

} // namespace
} // namespace moor::sched
