// Which coroutine runs next, and where: order, fairness, stealing, affinity.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal.hpp"
#include "support/eventually.hpp"
#include "support/machine_delay.hpp"
#include "support/run.hpp"
#include "support/spin.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using test::signal;
using test::spin_until;

// ---- Order on one worker -------------------------------------------------------------------------------------------

TEST(order, coroutines_start_in_the_order_of_their_spawns) {
    test::in_runtime(1, [] {
        std::vector<int> order;
        std::vector<join_handle<void>> handles;
        for (int number = 0; number < 100; ++number) {
            handles.push_back(spawn([&order, number] { order.push_back(number); }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
        EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
        EXPECT_EQ(order.size(), 100u);
    });
}

TEST(order, a_yield_goes_to_the_end_of_the_queue) {
    test::in_runtime(1, [] {
        std::string order;
        std::vector<join_handle<void>> handles;
        for (const char name : {'a', 'b', 'c'}) {
            handles.push_back(spawn([&order, name] {
                for (int round = 0; round < 3; ++round) {
                    order += name;
                    this_coroutine::yield();
                }
            }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
        EXPECT_EQ(order, "abcabcabc");
    });
}

TEST(order, what_a_coroutine_wakes_runs_before_the_queue) {
    test::in_runtime(1, [] {
        std::string order;
        signal wake;
        auto sleeper = spawn([&] {
            wake.wait();
            order += 's';
        });
        this_coroutine::yield();
        auto queued = spawn([&] { order += 'q'; });
        wake.set();
        this_coroutine::yield();
        EXPECT_EQ(order, "sq");
        queued.join();
        sleeper.join();
    });
}

// ---- Fairness on one worker ----------------------------------------------------------------------------------------

TEST(fairness, a_yield_loop_does_not_starve_a_timer) {
    test::in_runtime(1, [] {
        bool woken = false;
        auto sleeper = spawn([&] {
            this_coroutine::sleep_for(5ms);
            woken = true;
        });
        const auto deadline = steady::now() + 30s;
        while (!woken && steady::now() < deadline) {
            this_coroutine::yield();
        }
        EXPECT_TRUE(woken);
        sleeper.join();
    });
}

TEST(fairness, yield_loops_do_not_starve_a_timer) {
    test::in_runtime(1, [] {
        std::atomic<bool> woken{false};
        const auto deadline = steady::now() + 30s;
        std::vector<join_handle<void>> loops;
        for (int number = 0; number < 5; ++number) {
            loops.push_back(spawn([&] {
                while (!woken && steady::now() < deadline) {
                    this_coroutine::yield();
                }
            }));
        }
        this_coroutine::sleep_for(5ms);
        woken = true;
        for (auto& loop : loops) {
            loop.join();
        }
        EXPECT_LT(steady::now(), deadline);
    });
}

TEST(fairness, a_yield_loop_does_not_starve_what_plain_threads_spawn) {
    runtime running(test::with_workers(1));
    std::atomic<bool> stop{false};
    auto loop = running.spawn([&] {
        while (!stop.load()) {
            this_coroutine::yield();
        }
    });
    auto second_loop = running.spawn([&] {
        while (!stop.load()) {
            this_coroutine::yield();
        }
    });
    for (int round = 0; round < 100; ++round) {
        auto guest = running.spawn([] {});
        std::error_code error;
        ASSERT_TRUE(guest.wait(30s, error)) << "round " << round;
    }
    stop = true;
    loop.join();
    second_loop.join();
}

/// Two coroutines that wake each other without end, until told to.
class ping_pong {
public:
    ping_pong()
        : left_(spawn({.name = "left"}, [this] { play(there_, back_); })),
          right_(spawn({.name = "right"}, [this] { play(back_, there_); })) {
        there_.set();
    }

    void stop() {
        stop_ = true;
        left_.join();
        right_.join();
    }

    [[nodiscard]] std::uint64_t turns() const { return turns_.load(); }

private:
    void play(signal& mine, signal& others) {
        const auto deadline = steady::now() + 60s;
        while (!stop_.load() && steady::now() < deadline) {
            mine.wait();
            turns_.fetch_add(1);
            others.set();
        }
        others.set();
    }

    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> turns_{0};
    signal there_;
    signal back_;
    join_handle<void> left_;
    join_handle<void> right_;
};

TEST(fairness, two_that_wake_each_other_do_not_starve_a_third) {
    const test::machine_delay machine;
    for (const auto slice : {1ms, 20ms}) {
        runtime_options options = test::with_workers(1);
        options.time_slice = slice;
        runtime running(options);
        running.run([slice, &machine] {
            ping_pong pair;
            // This is the third. The pair keeps the worker for its slice; the shortest of several waits is taken, since
            // the machine may add to any of them.
            auto shortest = steady::duration::max();
            for (int round = 0; round < 10; ++round) {
                const auto before = pair.turns();
                const auto begin = steady::now();
                this_coroutine::yield();
                const auto waited = steady::now() - begin;
                EXPECT_GT(pair.turns(), before);
                if (round != 0) { // a slice begins with its first turns, not with the yield before them
                    EXPECT_GE(waited, slice);
                }
                shortest = std::min(shortest, waited);
            }
            EXPECT_LT(shortest, slice + 20ms + machine.longest());
            pair.stop();
        });
    }
}

TEST(fairness, two_that_wake_each_other_starve_nobody) {
    runtime running(test::with_workers(1));
    const work_guard expected(running);
    running.run([&running] {
        ping_pong pair;
        std::error_code error;
        auto pinned = spawn({.name = "pinned", .worker = 0u}, [] { this_coroutine::yield(); });
        EXPECT_TRUE(pinned.wait(30s, error)) << "a coroutine with affinity";
        auto sleeper = spawn([] { this_coroutine::sleep_for(3ms); });
        EXPECT_TRUE(sleeper.wait(30s, error)) << "a timer";
        auto crowd = spawn([] {
            for (int round = 0; round < 20; ++round) {
                auto member = spawn([] { this_coroutine::yield(); });
                member.join();
            }
        });
        EXPECT_TRUE(crowd.wait(30s, error)) << "the ring";
        std::atomic<bool> served{false};
        std::thread outside([&] {
            auto guest = running.spawn([] {});
            std::error_code outside_error;
            EXPECT_TRUE(guest.wait(30s, outside_error)) << "the shared queue";
            served = true;
        });
        EXPECT_TRUE(test::eventually([&] { return served.load(); })); // a join would block the only worker
        outside.join();
        pair.stop();
    });
}

TEST(fairness, pinned_coroutines_that_yield_starve_nobody) {
    test::in_runtime(1, [] {
        std::atomic<bool> stop{false};
        std::vector<join_handle<void>> pinned;
        for (int number = 0; number < 3; ++number) {
            pinned.push_back(spawn({.worker = 0u}, [&] {
                while (!stop.load()) {
                    this_coroutine::yield();
                }
            }));
        }
        for (int round = 0; round < 1000; ++round) {
            this_coroutine::yield();
        }
        std::error_code error;
        auto sleeper = spawn([] { this_coroutine::sleep_for(3ms); });
        EXPECT_TRUE(sleeper.wait(30s, error));
        stop = true;
        for (auto& each : pinned) {
            each.join();
        }
    });
}

TEST(fairness, those_that_yield_starve_no_pinned_one) {
    test::in_runtime(1, [] {
        std::atomic<bool> stop{false};
        std::vector<join_handle<void>> loops;
        for (int number = 0; number < 3; ++number) {
            loops.push_back(spawn([&] {
                while (!stop.load()) {
                    this_coroutine::yield();
                }
            }));
        }
        std::error_code error;
        auto pinned = spawn({.worker = 0u}, [] {
            for (int round = 0; round < 1000; ++round) {
                this_coroutine::yield();
            }
        });
        EXPECT_TRUE(pinned.wait(30s, error));
        stop = true;
        for (auto& each : loops) {
            each.join();
        }
    });
}

// More than the ring holds: what overflowed into the shared queue gets its share all the same.
TEST(fairness, a_thousand_that_yield_advance_together) {
    test::in_runtime(1, [] {
        constexpr unsigned count = 1000;
        constexpr std::uint32_t turns = 300'000;
        std::vector<std::uint32_t> taken(count);
        std::uint32_t all = 0;
        std::vector<join_handle<void>> loops;
        for (unsigned number = 0; number < count; ++number) {
            loops.push_back(spawn([&, number] {
                while (all < turns) {
                    ++all;
                    ++taken[number];
                    this_coroutine::yield();
                }
            }));
        }
        for (auto& each : loops) {
            each.join();
        }
        const auto [least, most] = std::minmax_element(taken.begin(), taken.end());
        EXPECT_GE(*least * 4, turns / count) << "most: " << *most;
    });
}

// Runs `body` on worker 0 of a runtime without its monitor, which would come to the rescue of every wake-up that was
// forgotten.
template <class Body>
void without_monitor(unsigned workers, Body&& body) {
    detail::runtime_core core(test::with_workers(workers), &debug::make_runtime_reports);
    core.monitor.join_thread();
    detail::launch(&core, {.name = "main", .worker = 0u}, std::forward<Body>(body)).join();
}

// ---- Several workers -----------------------------------------------------------------------------------------------

TEST(stealing, an_idle_worker_takes_what_a_busy_one_has_spawned) {
    without_monitor(2, [] {
        for (int round = 0; round < 20; ++round) {
            std::atomic<bool> ran{false};
            unsigned where = 0;
            auto child = spawn([&] {
                where = this_coroutine::worker();
                ran = true;
            });
            ASSERT_TRUE(spin_until([&] { return ran.load(); })) << "round " << round;
            EXPECT_EQ(where, 1u);
            child.join();
        }
    });
}

TEST(stealing, is_counted) {
    runtime running(test::with_workers(2));
    running.run([] {
        for (int round = 0; round < 20; ++round) {
            std::atomic<bool> ran{false};
            auto child = spawn([&] { ran = true; });
            ASSERT_TRUE(spin_until([&] { return ran.load(); })) << "round " << round;
            child.join();
        }
    });
    EXPECT_GE(running.metrics().coroutines_stolen, 20u);
}

// All of them have to be running at the same moment, each on a worker of its own.
TEST(stealing, every_worker_gets_its_share) {
    for (const unsigned workers : {2u, 4u, 8u}) {
        without_monitor(workers, [workers] {
            for (int round = 0; round < 10; ++round) {
                std::atomic<unsigned> arrived{0};
                std::vector<join_handle<unsigned>> team;
                for (unsigned number = 0; number < workers; ++number) {
                    team.push_back(spawn([&arrived, workers] {
                        arrived.fetch_add(1);
                        EXPECT_TRUE(spin_until([&] { return arrived.load() == workers; }));
                        return this_coroutine::worker();
                    }));
                }
                std::set<unsigned> places;
                for (auto& member : team) {
                    places.insert(member.join());
                }
                ASSERT_EQ(places.size(), workers) << "round " << round;
            }
        });
    }
}

TEST(stealing, a_coroutine_woken_beside_another_is_taken_by_an_idle_worker) {
    without_monitor(2, [] {
        for (int round = 0; round < 20; ++round) {
            std::array<signal, 2> wake;
            std::atomic<unsigned> awake{0};
            std::vector<join_handle<void>> sleepers;
            for (auto& each : wake) {
                sleepers.push_back(spawn([&] {
                    each.wait();
                    awake.fetch_add(1);
                }));
                while (!each.has_waiter()) {
                    this_coroutine::yield();
                }
            }
            wake[0].set();
            wake[1].set(); // takes the other one's place at the head
            ASSERT_TRUE(spin_until([&] { return awake.load() != 0; })) << "round " << round;
            for (auto& sleeper : sleepers) {
                sleeper.join();
            }
        }
    });
}

// Timers of one worker that are due together: the first to wake does not keep the others from running.
TEST(stealing, sleepers_that_wake_together_spread_over_the_workers) {
    without_monitor(2, [] {
        std::atomic<int> rounds_seen{0};
        for (int round = 0; round < 10; ++round) {
            constexpr unsigned count = 4;
            std::atomic<bool> occupied{true};
            std::atomic<bool> occupying{false};
            auto occupant = spawn({.worker = 1u}, [&] {
                occupying = true;
                EXPECT_TRUE(spin_until([&] { return !occupied.load(); }));
            });
            ASSERT_TRUE(spin_until([&] { return occupying.load(); }));
            // The other worker is taken, so all of these start their timers here.
            unsigned asleep = 0;
            std::atomic<unsigned> awake{0};
            const auto until = steady::now() + 30ms;
            std::vector<join_handle<void>> sleepers;
            for (unsigned number = 0; number < count; ++number) {
                sleepers.push_back(spawn([&] {
                    ++asleep;
                    this_coroutine::sleep_until(until);
                    awake.fetch_add(1);
                    if (!occupied.load()) { // otherwise the machine took so long that there is nothing to see
                        ++rounds_seen;
                        EXPECT_TRUE(spin_until([&] { return awake.load() >= 2; }));
                    }
                }));
            }
            while (asleep != count) {
                this_coroutine::yield();
            }
            occupied = false;
            for (auto& sleeper : sleepers) {
                sleeper.join();
            }
            occupant.join();
        }
        EXPECT_GT(rounds_seen.load(), 0);
    });
}

// A busy worker that looks at the port may take the packet that was to wake a sleeping one.
TEST(stealing, a_wake_up_that_a_busy_worker_takes_is_passed_on) {
    detail::runtime_core core(test::with_workers(2), &debug::make_runtime_reports);
    core.monitor.join_thread();
    iocp::operation& in_use = core.io.pool.acquire(nullptr); // so that busy workers look at the port
    detail::launch(&core, {}, [&core] {
        for (int round = 0; round < 20; ++round) {
            const auto& other = *core.workers[1 - this_coroutine::worker()];
            ASSERT_TRUE(spin_until([&] { return other.is_asleep(); }));
            const auto since = steady::now();
            EXPECT_TRUE(spin_until([&] { return steady::now() - since > 2ms; })); // a look is due
            core.wake_worker();
            for (int turn = 0; turn < 16; ++turn) {
                this_coroutine::yield();
            }
            std::atomic<bool> ran{false};
            auto child = spawn([&] { ran = true; });
            ASSERT_TRUE(spin_until([&] { return ran.load(); })) << "round " << round;
            child.join();
        }
    }).join();
    core.io.pool.release(in_use, nullptr);
}

TEST(stealing, plain_threads_wake_sleeping_workers_every_time) {
    runtime running(test::with_workers(4));
    std::vector<std::thread> clients;
    std::atomic<int> served{0};
    for (int client = 0; client < 3; ++client) {
        clients.emplace_back([&] {
            for (int round = 0; round < 300; ++round) {
                auto guest = running.spawn([round] { return round; });
                std::error_code error;
                ASSERT_TRUE(guest.wait(30s, error)) << "round " << round;
                ASSERT_EQ(guest.join(), round);
                served.fetch_add(1);
            }
        });
    }
    for (auto& client : clients) {
        client.join();
    }
    EXPECT_EQ(served.load(), 900);
}

TEST(stealing, a_crowd_larger_than_all_rings_is_served_by_all) {
    test::in_runtime(2, [] {
        constexpr unsigned count = 5000;
        std::atomic<unsigned> finished{0};
        std::array<std::atomic<unsigned>, 2> by_worker{};
        const auto deadline = steady::now() + 30s;
        const auto one_is_missing = [&] { return by_worker[0].load() == 0 || by_worker[1].load() == 0; };
        std::vector<join_handle<void>> crowd;
        for (unsigned number = 0; number < count; ++number) {
            crowd.push_back(spawn([&] {
                for (int round = 0; round < 10 || (one_is_missing() && steady::now() < deadline); ++round) {
                    by_worker[this_coroutine::worker()].fetch_add(1);
                    this_coroutine::yield();
                }
                finished.fetch_add(1);
            }));
        }
        for (auto& member : crowd) {
            member.join();
        }
        EXPECT_EQ(finished.load(), count);
        EXPECT_GT(by_worker[0].load(), 0u);
        EXPECT_GT(by_worker[1].load(), 0u);
    });
}

// ---- Affinity ------------------------------------------------------------------------------------------------------

TEST(affinity, holds_whoever_wakes_the_coroutine) {
    runtime running(test::with_workers(3));
    std::array<signal, 3> wake;
    std::vector<join_handle<void>> pinned;
    for (unsigned index = 0; index < wake.size(); ++index) {
        pinned.push_back(running.spawn({.name = "pinned", .worker = index}, [&, index] {
            const work_guard expected;
            for (int round = 0; round < 200; ++round) {
                EXPECT_EQ(wake[index].wait(), detail::wake_reason::notified);
                ASSERT_EQ(this_coroutine::worker(), index) << "round " << round;
            }
        }));
    }
    const auto rounds = [&](int count) {
        for (int round = 0; round < count; ++round) {
            for (auto& each : wake) {
                ASSERT_TRUE(test::eventually([&] { return each.has_waiter(); }));
                each.set();
            }
        }
    };
    rounds(100);              // from a plain thread, mostly to sleeping workers
    running.run(rounds, 100); // from coroutines of any worker
    for (auto& each : pinned) {
        each.join();
    }
}

TEST(affinity, a_pinned_coroutine_waits_for_its_busy_worker) {
    test::in_runtime(2, [] {
        const unsigned here = this_coroutine::worker();
        std::atomic<bool> ran{false};
        auto pinned = spawn({.worker = here}, [&] { ran = true; });
        // The other worker has had every chance once it has run these.
        for (int round = 0; round < 10; ++round) {
            std::atomic<bool> helped{false};
            auto helper = spawn({.worker = 1 - here}, [&] { helped = true; });
            ASSERT_TRUE(spin_until([&] { return helped.load(); }));
            EXPECT_FALSE(ran.load());
            helper.detach();
        }
        pinned.join();
        EXPECT_TRUE(ran.load());
    });
}

} // namespace
} // namespace moor
