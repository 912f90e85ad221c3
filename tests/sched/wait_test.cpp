// The state machine behind every wait: who may end it, when, and what both sides may rely on.
#include <moor/detail/wait.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "sched/both_sides.hpp"
#include "sched/signal.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"
#include "support/spin.hpp"

namespace moor::detail {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

const wait_limit unlimited;

class wait_on : public testing::TestWithParam<test::side> {};
INSTANTIATE_TEST_SUITE_P(side, wait_on, test::both_sides(), test::name_of_side);

// ---- Claims before the suspension ----------------------------------------------------------------------------------

TEST_P(wait_on, a_claim_before_the_suspension_ends_it_at_once) {
    test::run_on(GetParam(), [] {
        for (const auto reason : {wake_reason::notified, wake_reason::timed_out, wake_reason::stopped}) {
            wait waiting("test", unlimited);
            EXPECT_TRUE(waiting.ticket().wake(reason));
            EXPECT_EQ(waiting.suspend(), reason);
        }
    });
}

TEST_P(wait_on, only_the_first_claim_wins) {
    test::run_on(GetParam(), [] {
        wait waiting("test", unlimited);
        const wait_ticket ticket = waiting.ticket();
        EXPECT_EQ(ticket.try_claim(wake_reason::notified), claim::preparing);
        EXPECT_EQ(ticket.try_claim(wake_reason::timed_out), claim::lost);
        EXPECT_FALSE(ticket.wake(wake_reason::stopped));
        ticket.finish(claim::preparing);
        EXPECT_FALSE(ticket.wake(wake_reason::stopped));
        EXPECT_EQ(waiting.suspend(), wake_reason::notified);
        EXPECT_FALSE(ticket.wake(wake_reason::stopped));
    });
}

TEST_P(wait_on, a_ticket_of_an_earlier_wait_is_harmless) {
    test::run_on(GetParam(), [] {
        wait_ticket old;
        {
            wait given_up("test", unlimited);
            old = given_up.ticket();
        }
        EXPECT_FALSE(old.wake(wake_reason::notified)) << "between waits";
        wait waiting("test", unlimited);
        EXPECT_EQ(old.try_claim(wake_reason::notified), claim::lost);
        EXPECT_FALSE(old.wake(wake_reason::notified));
        EXPECT_TRUE(waiting.ticket().wake(wake_reason::timed_out)) << "untouched by the old one";
        EXPECT_EQ(waiting.suspend(), wake_reason::timed_out);
    });
}

TEST(wait, a_claim_before_the_suspension_costs_no_turn) {
    test::in_runtime(1, [] {
        bool other_ran = false;
        auto other = spawn([&] { other_ran = true; });
        wait waiting("test", unlimited);
        waiting.ticket().wake(wake_reason::notified);
        static_cast<void>(waiting.suspend());
        EXPECT_FALSE(other_ran);
        other.join();
    });
}

TEST(wait, a_ticket_of_an_ended_coroutine_wakes_nobody) {
    test::in_runtime(1, [] {
        wait_ticket old;
        const auto first = spawn([&] {
                               wait waiting("test", unlimited);
                               old = waiting.ticket();
                               waiting.ticket().wake(wake_reason::notified);
                               static_cast<void>(waiting.suspend());
                               return this_coroutine::id();
                           }).join();
        // The control block that was free last is used first.
        test::signal release;
        auto second = spawn([&] { EXPECT_EQ(release.wait(), wake_reason::notified); });
        while (!release.has_waiter()) {
            this_coroutine::yield();
        }
        EXPECT_NE(second.id(), first);
        EXPECT_FALSE(old.wake(wake_reason::timed_out));
        this_coroutine::yield();
        EXPECT_FALSE(second.done());
        release.set();
        second.join();
    });
}

// ---- The two halves of a claim -------------------------------------------------------------------------------------

// The claim comes while the owner still runs, the hand-over after it has suspended.
TEST(wait, a_coroutine_claimed_while_running_is_resumed_by_the_claimer) {
    runtime running(test::with_workers(1));
    std::atomic<bool> claimed{false};
    std::atomic<bool> suspended{false};
    wait_ticket ticket;
    std::array<int, 64> slot{};
    auto waiter = running.spawn([&] {
        // On the only worker: it runs when this coroutine has left its stack.
        auto observer = spawn([&] { suspended = true; });
        wait waiting("test", unlimited);
        ticket = waiting.ticket();
        ASSERT_EQ(ticket.try_claim(wake_reason::notified), claim::preparing);
        claimed = true;
        EXPECT_EQ(waiting.suspend(), wake_reason::notified);
        for (const int each : slot) {
            EXPECT_EQ(each, 7);
        }
        observer.join();
    });
    ASSERT_TRUE(test::eventually([&] { return claimed.load() && suspended.load(); }));
    std::error_code error;
    EXPECT_FALSE(waiter.wait(5ms, error)) << "the hand-over is not finished";
    slot.fill(7);
    ticket.finish(claim::preparing);
    waiter.join();
}

TEST(wait, a_parked_coroutine_is_resumed_by_finish_and_not_by_the_claim) {
    runtime running(test::with_workers(1));
    std::atomic<bool> suspended{false};
    wait_ticket ticket;
    int slot = 0;
    auto waiter = running.spawn([&] {
        auto observer = spawn([&] { suspended = true; });
        wait waiting("test", unlimited);
        ticket = waiting.ticket();
        EXPECT_EQ(waiting.suspend(), wake_reason::notified);
        EXPECT_EQ(slot, 7);
        observer.join();
    });
    ASSERT_TRUE(test::eventually([&] { return suspended.load(); }));
    const claim how = ticket.try_claim(wake_reason::notified);
    ASSERT_EQ(how, claim::parked);
    EXPECT_EQ(ticket.try_claim(wake_reason::timed_out), claim::lost);
    std::error_code error;
    EXPECT_FALSE(waiter.wait(5ms, error)) << "the hand-over is not finished";
    slot = 7;
    ticket.finish(how);
    waiter.join();
}

// The deadline passes while somebody is handing over: the value counts.
TEST_P(wait_on, a_deadline_during_the_hand_over_waits_for_its_end) {
    test::run_on(GetParam(), [] {
        const wait_limit limit(10ms);
        wait waiting("test", limit);
        const wait_ticket ticket = waiting.ticket();
        ASSERT_EQ(ticket.try_claim(wake_reason::notified), claim::preparing);
        int slot = 0;
        std::thread slow([&] {
            while (steady::now() < limit.deadline() + 10ms) {
                std::this_thread::yield();
            }
            slot = 7;
            ticket.finish(claim::preparing);
        });
        const work_guard expected; // counts inside a runtime only
        EXPECT_EQ(waiting.suspend(), wake_reason::notified);
        EXPECT_EQ(slot, 7);
        slow.join();
    });
}

TEST_P(wait_on, a_deadline_that_has_passed_does_not_overtake_a_hand_over) {
    test::run_on(GetParam(), [] {
        const wait_limit past(steady::now() - 1s);
        wait waiting("test", past);
        const wait_ticket ticket = waiting.ticket();
        ASSERT_EQ(ticket.try_claim(wake_reason::notified), claim::preparing);
        std::atomic<int> slot{0};
        std::thread slow([&] {
            std::this_thread::sleep_for(5ms);
            slot = 7;
            ticket.finish(claim::preparing);
        });
        const work_guard expected;
        EXPECT_EQ(waiting.suspend(), wake_reason::notified);
        EXPECT_EQ(slot.load(), 7);
        slow.join();
    });
}

// ---- Deadlines and stop tokens -------------------------------------------------------------------------------------

TEST_P(wait_on, a_deadline_ends_it_and_never_early) {
    test::run_on(GetParam(), [] {
        for (const auto duration : {-1ms, 0ms, 1ms, 3ms, 17ms}) {
            const wait_limit limit(duration);
            wait waiting("test", limit);
            EXPECT_EQ(waiting.suspend(), wake_reason::timed_out);
            EXPECT_GE(steady::now(), limit.deadline());
        }
    });
}

TEST_P(wait_on, a_token_ends_it_before_while_and_never_after) {
    test::run_on(GetParam(), [] {
        {
            std::stop_source source;
            source.request_stop();
            const wait_limit limit(source.get_token());
            wait waiting("test", limit);
            EXPECT_EQ(waiting.suspend(), wake_reason::stopped) << "stopped before";
        }
        {
            std::stop_source source;
            const wait_limit limit(10s, source.get_token());
            wait waiting("test", limit);
            std::thread stopper([&] {
                std::this_thread::sleep_for(2ms);
                source.request_stop();
            });
            EXPECT_EQ(waiting.suspend(), wake_reason::stopped) << "stopped while waiting";
            stopper.join();
        }
        {
            std::stop_source source;
            const wait_limit limit(10s, source.get_token());
            {
                wait waiting("test", limit);
                waiting.ticket().wake(wake_reason::notified);
                EXPECT_EQ(waiting.suspend(), wake_reason::notified);
            }
            source.request_stop();
            wait next("test", unlimited);
            EXPECT_TRUE(next.ticket().wake(wake_reason::notified)) << "an earlier limit's token ended this wait";
        }
    });
}

TEST(wait, a_plain_thread_waits_for_a_coroutine) {
    runtime running(test::with_workers(1));
    test::signal there;
    test::signal back;
    auto other = running.spawn([&] {
        const work_guard expected;
        for (int round = 0; round < 200; ++round) {
            ASSERT_EQ(there.wait(), wake_reason::notified);
            back.set();
        }
    });
    for (int round = 0; round < 200; ++round) {
        there.set();
        ASSERT_EQ(back.wait(20s), wake_reason::notified);
    }
    other.join();
}

// ---- Requests to stop ----------------------------------------------------------------------------------------------

TEST(wait, a_request_to_stop_ends_a_wait_that_allows_it) {
    test::in_runtime(1, [] {
        test::signal never;
        auto waiter = spawn([&] { return never.wait(); });
        while (!never.has_waiter()) {
            this_coroutine::yield();
        }
        waiter.request_stop();
        EXPECT_EQ(waiter.join(), wake_reason::stopped);
    });
}

TEST(wait, a_request_made_before_the_wait_ends_it_at_once) {
    test::in_runtime(1, [] {
        test::signal never;
        auto waiter = spawn([&] { return std::pair(never.wait(), never.wait()); });
        waiter.request_stop();
        EXPECT_EQ(waiter.join(), std::pair(wake_reason::stopped, wake_reason::stopped));
    });
}

TEST(wait, a_request_between_the_beginning_and_the_suspension_ends_it) {
    test::in_runtime(1, [] {
        join_handle<wake_reason> self;
        self = spawn([&] {
            wait waiting("test", unlimited);
            self.request_stop();
            return waiting.suspend();
        });
        std::error_code ignored;
        EXPECT_EQ(self.join(), wake_reason::stopped);
    });
}

TEST(wait, a_wait_that_ignores_requests_goes_on) {
    test::in_runtime(1, [] {
        wait_ticket ticket;
        auto waiter = spawn([&] {
            wait waiting("test", unlimited, stop_request::ignored);
            ticket = waiting.ticket();
            return waiting.suspend();
        });
        this_coroutine::yield();
        waiter.request_stop();
        this_coroutine::yield();
        EXPECT_FALSE(waiter.done());
        EXPECT_TRUE(ticket.wake(wake_reason::notified));
        EXPECT_EQ(waiter.join(), wake_reason::notified);
    });
}

TEST(wait, shields_nest) {
    test::in_runtime(1, [] {
        test::signal first;
        test::signal second;
        auto waiter = spawn([&] {
            std::vector<wake_reason> reasons;
            {
                const this_coroutine::stop_shield outer;
                {
                    const this_coroutine::stop_shield inner;
                    reasons.push_back(first.wait());
                }
                reasons.push_back(second.wait());
            }
            reasons.push_back(second.wait());
            return reasons;
        });
        while (!first.has_waiter()) {
            this_coroutine::yield();
        }
        waiter.request_stop();
        first.set();
        while (!second.has_waiter()) {
            this_coroutine::yield();
        }
        second.set();
        EXPECT_EQ(waiter.join(), (std::vector{wake_reason::notified, wake_reason::notified, wake_reason::stopped}));
    });
}

TEST(wait, a_deadline_works_behind_a_shield) {
    test::in_runtime(1, [] {
        auto waiter = spawn([] {
            const this_coroutine::stop_shield shield;
            test::signal never;
            return never.wait(2ms);
        });
        waiter.request_stop();
        EXPECT_EQ(waiter.join(), wake_reason::timed_out);
    });
}

// ---- Races ---------------------------------------------------------------------------------------------------------

/// A primitive that hands a value over, slowly: the waker claims under the lock, and writes after it.
class slow_channel {
public:
    using value = std::array<std::uint64_t, 32>;

    /// Waits for a value; `into` is written exactly when the reason is `notified`.
    wake_reason receive(value& into, const wait_limit& limit) {
        wait waiting("slow channel", limit);
        waiter node{.ticket = waiting.ticket(), .slot = &into};
        {
            const std::lock_guard guard(lock_);
            waiters_.push_back(node);
        }
        const wake_reason reason = waiting.suspend();
        if (reason != wake_reason::notified) {
            const std::lock_guard guard(lock_);
            waiters_.remove(node);
        }
        return reason;
    }

    /// Hands a value made of `number` to a waiter; false when there was none that could be claimed.
    bool send(std::uint64_t number, unsigned delay) {
        claim how = claim::lost;
        wait_ticket ticket;
        value* slot = nullptr;
        {
            const std::lock_guard guard(lock_);
            waiter* const node = waiters_.pop_front();
            if (node == nullptr) {
                return false;
            }
            ticket = node->ticket;
            slot = static_cast<value*>(node->slot);
            how = ticket.try_claim(wake_reason::notified);
        }
        if (how == claim::lost) {
            return false;
        }
        for (std::uint64_t& each : *slot) {
            each = number;
            test::count_to(static_cast<int>(delay));
        }
        ticket.finish(how);
        return true;
    }

private:
    spin_lock lock_;
    wait_queue waiters_;
};

/// A token to wait with, and somebody to stop it.
class stop_places {
public:
    std::stop_token renew() {
        const std::lock_guard guard(lock_);
        source_ = std::stop_source();
        return source_.get_token();
    }

    void stop() {
        std::stop_source present(std::nostopstate);
        {
            const std::lock_guard guard(lock_);
            present = source_;
        }
        present.request_stop();
    }

private:
    spin_lock lock_;
    std::stop_source source_;
};

struct race {
    test::side waiter;
    test::side waker;
};

class wait_race : public testing::TestWithParam<race> {};
INSTANTIATE_TEST_SUITE_P(
    sides, wait_race,
    testing::Values(race{test::side::coroutine, test::side::thread}, race{test::side::coroutine, test::side::coroutine},
                    race{test::side::thread, test::side::thread}, race{test::side::thread, test::side::coroutine}),
    [](const auto& tested) {
        const auto name = [](test::side which) { return which == test::side::thread ? "thread" : "coroutine"; };
        return std::string(name(tested.param.waiter)) + "_woken_by_" + name(tested.param.waker);
    });

// Deadlines, stop tokens and hand-overs all end the same waits. A value arrives whole or not at all, none is lost or
// doubled, and nobody is left behind.
TEST_P(wait_race, a_value_arrives_whole_or_not_at_all) {
    constexpr unsigned waiters = 3;
    const std::uint32_t seed = test::test_seed();
    const auto end = steady::now() + 300ms;
    const auto latest_end = end + 30s;
    slow_channel channel;
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> received{0};
    const auto goes_on = [&] {
        const auto now = steady::now();
        return now < end || (received.load() < 200 && now < latest_end);
    };
    std::atomic<std::uint64_t> torn{0};
    std::atomic<unsigned> waiting_ones{waiters};
    std::array<stop_places, waiters> places;

    const auto wait_loop = [&](unsigned index) {
        std::minstd_rand random(seed + index);
        while (goes_on()) {
            slow_channel::value slot{};
            wait_limit limit;
            switch (random() % 4) {
            case 0: limit = wait_limit(std::chrono::microseconds(random() % 200)); break;
            case 1: limit = wait_limit(std::chrono::microseconds(random() % 200), places[index].renew()); break;
            case 2: limit = wait_limit(20s); break;
            default: limit = wait_limit(20s, places[index].renew()); break;
            }
            const wake_reason reason = channel.receive(slot, limit);
            const bool whole =
                reason == wake_reason::notified
                    ? slot[0] != 0 && std::all_of(slot.begin(), slot.end(), [&](auto each) { return each == slot[0]; })
                    : std::all_of(slot.begin(), slot.end(), [](auto each) { return each == 0; });
            torn.fetch_add(whole ? 0 : 1);
            received.fetch_add(reason == wake_reason::notified ? 1 : 0);
        }
        waiting_ones.fetch_sub(1);
    };
    const auto wake_loop = [&] {
        std::minstd_rand random(seed + 1000);
        std::uint64_t number = 0;
        while (waiting_ones.load() != 0) {
            if (channel.send(++number, random() % 16)) {
                sent.fetch_add(1);
            }
            if (random() % 16 == 0) {
                places[random() % waiters].stop();
            }
            if (this_coroutine::exists() || random() % 8 == 0) {
                this_coroutine::yield();
            }
        }
    };

    runtime running(test::with_workers(2));
    std::vector<std::thread> threads;
    std::vector<join_handle<void>> coroutines;
    for (unsigned index = 0; index < waiters; ++index) {
        if (GetParam().waiter == test::side::thread) {
            threads.emplace_back(wait_loop, index);
        } else {
            coroutines.push_back(running.spawn([&wait_loop, index] {
                const work_guard expected;
                wait_loop(index);
            }));
        }
    }
    if (GetParam().waker == test::side::thread) {
        threads.emplace_back(wake_loop);
    } else {
        coroutines.push_back(running.spawn(wake_loop));
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (auto& coroutine : coroutines) {
        coroutine.join();
    }
    EXPECT_EQ(torn.load(), 0u);
    EXPECT_EQ(received.load(), sent.load());
    EXPECT_GE(received.load(), 200u) << "the race was not run";
}

// Requests to stop against wakes: the request is never lost, whenever it comes.
TEST(wait_race, a_request_to_stop_is_never_lost) {
    const std::uint32_t seed = test::test_seed();
    runtime running(test::with_workers(2));
    std::minstd_rand random(seed);
    const auto end = steady::now() + 500ms;
    for (int round = 0; steady::now() < end; ++round) {
        std::atomic<bool> begun{false};
        auto waiter = running.spawn([&] {
            const work_guard expected;
            begun = true;
            test::signal never;
            return never.wait();
        });
        while (!begun.load()) {
            std::this_thread::yield();
        }
        test::count_to(static_cast<int>(random() % 64));
        waiter.request_stop();
        std::error_code error;
        ASSERT_TRUE(waiter.wait(20s, error)) << "round " << round << ": " << error;
        ASSERT_EQ(waiter.join(), wake_reason::stopped);
    }
}

} // namespace
} // namespace moor::detail
