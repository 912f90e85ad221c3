// Calls within preemptible scopes: what is safe as it is, what a no_preempt makes safe, and what guards do besides.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/channel.hpp>
#include <moor/mutex.hpp>
#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/semaphore.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/under_storm.hpp"
#include "support/spin.hpp"
#include "win/compiler.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t preemptions = 100;

// Runs `step(number, round)` over and over in that many preemptible coroutines, until there were enough preemptions;
// beside them one that is not preemptible does the same. Each round must return true.
template <class Step>
void expect_safe(unsigned workers, Step step) {
    runtime running(test::storm(workers));
    const test::until_preempted enough(running, test::scaled(preemptions));
    std::atomic<std::uint64_t> wrong{0};
    running.run([&] {
        std::vector<join_handle<void>> all;
        const auto repeat = [&](unsigned number, bool polite) {
            for (std::uint64_t round = 0; !enough.over(); ++round) {
                if (!step(number, round)) {
                    ++wrong;
                }
                if (polite) {
                    this_coroutine::yield();
                }
            }
        };
        for (unsigned number = 0; number != 2 * workers + 1; ++number) {
            all.push_back(spawn({.name = "busy", .preemptible = true}, [&, number] { repeat(number, false); }));
        }
        all.push_back(spawn({.name = "polite"}, [&] { repeat(99, true); }));
        for (auto& each : all) {
            each.join();
        }
    });
    EXPECT_EQ(wrong, 0u);
    EXPECT_TRUE(enough.reached());
    if (::testing::Test::HasFailure()) {
        test::print_attempts(running);
    }
}

class on_workers : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(preemption, on_workers, testing::Values(1u, 3u));

// ---- Without a guard -----------------------------------------------------------------------------------------------

bool throws_and_catches(std::uint64_t round) {
    try {
        try {
            throw std::runtime_error("inner " + std::to_string(round));
        } catch (const std::runtime_error& caught) {
            if (std::uncaught_exceptions() != 0) {
                return false;
            }
            throw std::logic_error(std::string(caught.what()) + " outer");
        }
    } catch (const std::exception& caught) {
        return std::string_view(caught.what()) == "inner " + std::to_string(round) + " outer" &&
               std::uncaught_exceptions() == 0;
    }
}

// The C++ library keeps its state in thread-local variables of libgcc, whose lookup holds a spin lock of the thread:
// preempted there, the next coroutine of the worker that threw would wait for ever.
TEST_P(on_workers, throw_and_catch) {
    expect_safe(GetParam(), [](unsigned, std::uint64_t round) { return throws_and_catches(round); });
}

TEST_P(on_workers, allocate) {
    expect_safe(GetParam(), [](unsigned number, std::uint64_t round) {
        std::vector<std::vector<std::uint64_t>> held(16);
        for (std::size_t index = 0; index != held.size(); ++index) {
            held[index].assign(1 + (round * 31 + index * 7) % 300, number * 1'000'000 + round);
        }
        const std::string text(round % 200, static_cast<char>('a' + number % 26));
        bool right = text.find_first_not_of(static_cast<char>('a' + number % 26)) == std::string::npos;
        for (const auto& each : held) {
            for (const std::uint64_t word : each) {
                right = right && word == number * 1'000'000 + round;
            }
        }
        return right;
    });
}

// The compiler may keep the address over a suspension, after which it is another thread's.
MOOR_NOINLINE std::array<std::uint64_t, 4>& counts_of_this_thread() {
    thread_local std::array<std::uint64_t, 4> counts{};
    std::atomic_signal_fence(std::memory_order_seq_cst); // an effect, without which a compiler may call it once for all
    return counts;
}

TEST_P(on_workers, thread_local_variables) {
    expect_safe(GetParam(), [](unsigned, std::uint64_t) {
        // Others of this worker come in between, and each leaves what it found plus one in all of them or one behind.
        const no_preempt together;
        auto& here = counts_of_this_thread();
        for (auto& each : here) {
            ++each;
        }
        return here[0] == here[3] && here[1] == here[2];
    });
}

TEST_P(on_workers, moor_mutex) {
    mutex guard;
    std::array<std::uint64_t, 8> counts{};
    expect_safe(GetParam(), [&](unsigned, std::uint64_t) {
        const std::lock_guard lock(guard);
        for (auto& each : counts) {
            ++each;
        }
        return counts.front() == counts.back();
    });
}

TEST_P(on_workers, channel_and_semaphore) {
    semaphore slots(2);
    std::atomic<int> inside{0};
    channel<std::uint64_t> values(3);
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> received{0};
    expect_safe(GetParam(), [&](unsigned number, std::uint64_t round) {
        slots.acquire();
        bool right = ++inside <= 2;
        if (values.try_send(number + round)) {
            sent += number + round;
        }
        if (const auto value = values.try_receive()) {
            received += *value;
        }
        --inside;
        slots.release();
        return right;
    });
    while (const auto value = values.try_receive()) {
        received += *value;
    }
    EXPECT_EQ(sent, received);
}

TEST_P(on_workers, spawn_and_join) {
    expect_safe(GetParam(), [](unsigned number, std::uint64_t round) {
        auto child = spawn({.preemptible = true}, [=] { return number + round; });
        return child.join() == number + round;
    });
}

TEST_P(on_workers, sleep) {
    expect_safe(GetParam(), [](unsigned, std::uint64_t) {
        const auto before = std::chrono::steady_clock::now();
        this_coroutine::sleep_for(200us);
        test::count_to(1'000'000); // a millisecond or so, within which it can be met
        return std::chrono::steady_clock::now() - before >= 200us;
    });
}

// ---- Under a guard -------------------------------------------------------------------------------------------------

TEST_P(on_workers, guarded_formatting) {
    expect_safe(GetParam(), [](unsigned number, std::uint64_t round) {
        const double value = static_cast<double>(round) * 1.25 + number;
        std::array<char, 64> text{};
        {
            const no_preempt guard;
            std::snprintf(text.data(), text.size(), "%.17g", value);
        }
        double read = 0;
        {
            const no_preempt guard;
            read = std::strtod(text.data(), nullptr);
        }
        return read == value && fmt::format("{}", round) == std::to_string(round);
    });
}

TEST_P(on_workers, guarded_std_mutex) {
    std::mutex guard;
    std::array<std::uint64_t, 8> counts{};
    expect_safe(GetParam(), [&](unsigned, std::uint64_t) {
        const no_preempt whole;
        const std::lock_guard lock(guard);
        for (auto& each : counts) {
            ++each;
        }
        return counts.front() == counts.back();
    });
}

// ---- The guard itself ----------------------------------------------------------------------------------------------

// Both keep the processor: nobody else gets a turn but by preemption.
template <class Condition>
bool wait_until(Condition condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) {
            return false;
        }
    }
    return true;
}

bool wait_for(const std::atomic<bool>& flag, std::chrono::milliseconds limit) {
    return wait_until([&] { return flag.load(); }, limit);
}

// In a preemptible coroutine of one worker: whether another one gets a turn while `function()` runs.
template <class Function>
void beside_another(Function function) {
    runtime running(test::storm(1));
    running.run([&] {
        std::atomic<bool> other_ran{false};
        spawn({.name = "main", .preemptible = true}, [&] {
            auto other = spawn([&] { other_ran = true; });
            function(other_ran, running);
            other.join();
        }).join();
    });
}

TEST(no_preempt_guard, keeps_the_others_out_and_lets_them_in_at_its_end) {
    beside_another([](std::atomic<bool>& other_ran, runtime& running) {
        {
            const no_preempt guard;
            const std::uint64_t before = test::refused(running, preempt_refusal::forbidden);
            EXPECT_TRUE(wait_until([&] { return test::refused(running, preempt_refusal::forbidden) > before; }, 30s))
                << "the guard is the reason that is counted";
            EXPECT_FALSE(wait_for(other_ran, 100ms));
        }
        EXPECT_TRUE(other_ran) << "an attempt was put off meanwhile";
    });
}

TEST(no_preempt_guard, nests) {
    beside_another([](std::atomic<bool>& other_ran, runtime&) {
        {
            const no_preempt outer;
            {
                const no_preempt inner;
                EXPECT_FALSE(wait_for(other_ran, 50ms));
            }
            EXPECT_FALSE(wait_for(other_ran, 50ms));
        }
        EXPECT_TRUE(other_ran);
    });
}

TEST(no_preempt_guard, holds_across_a_suspension) {
    beside_another([](std::atomic<bool>& other_ran, runtime&) {
        const no_preempt guard;
        this_coroutine::yield();
        EXPECT_TRUE(other_ran);
        std::atomic<bool> third_ran{false};
        auto third = spawn([&] { third_ran = true; });
        EXPECT_FALSE(wait_for(third_ran, 100ms));
        third.join();
    });
}

TEST(no_preempt_guard, without_one_the_others_get_in) {
    beside_another([](std::atomic<bool>& other_ran, runtime&) { EXPECT_TRUE(wait_for(other_ran, 30s)); });
}

// At most one look a millisecond, and after a few refusals one attempt in eight looks: without the back-off it would be
// one in each.
TEST(no_preempt_guard, is_tried_less_and_less_often) {
    runtime_options options = test::with_workers(1);
    options.time_slice = 5ms;
    runtime running(options);
    std::chrono::steady_clock::duration held{};
    running.run([&] {
        spawn({.preemptible = true}, [&] {
            const auto start = std::chrono::steady_clock::now();
            const no_preempt guard;
            wait_for(std::atomic<bool>{false}, 800ms);
            held = std::chrono::steady_clock::now() - start;
        }).join();
    });
    const std::uint64_t refused = test::refused(running, preempt_refusal::forbidden);
    EXPECT_GT(refused, 3u);
    EXPECT_LE(refused, static_cast<std::uint64_t>(held / 8ms + 8));
}

// The scope ends with preemptible(), and holds in what it calls and across suspensions.
TEST(preemptible_scope, ends_where_its_call_ends) {
    runtime running(test::storm(1));
    running.run([&] {
        std::atomic<bool> first{false};
        auto one = spawn([&] { first = true; });
        EXPECT_TRUE(preemptible([&] { return wait_for(first, 30s); }));
        one.join();
        std::atomic<bool> second{false};
        auto two = spawn([&] { second = true; });
        EXPECT_FALSE(wait_for(second, 100ms));
        two.join();
    });
}

TEST(preemptible_scope, ends_with_an_exception_too) {
    runtime running(test::storm(1));
    running.run([&] {
        EXPECT_THROW(preemptible([] { throw std::runtime_error("out"); }), std::runtime_error);
        std::atomic<bool> flag{false};
        auto other = spawn([&] { flag = true; });
        EXPECT_FALSE(wait_for(flag, 100ms));
        other.join();
    });
}

TEST(preemptible_scope, returns_what_its_function_returns) {
    runtime running(test::storm(1));
    running.run([&] {
        int object = 1;
        EXPECT_EQ(&preemptible([&]() -> int& { return object; }), &object);
        EXPECT_EQ(preemptible([] { return std::string(100, 'x'); }), std::string(100, 'x'));
        EXPECT_EQ(preemptible([] { return preemptible([] { return 7; }); }), 7);
    });
}

TEST(maybe_yield, yields_after_a_slice_outside_any_scope) {
    test::in_runtime(1, [] {
        std::atomic<bool> other_ran{false};
        auto other = spawn([&] { other_ran = true; });
        EXPECT_FALSE(maybe_yield()) << "the slice has just begun";
        bool yielded = false;
        EXPECT_TRUE(test::spin_until([&] { return yielded = maybe_yield(); }));
        EXPECT_TRUE(yielded);
        EXPECT_TRUE(other_ran);
        other.join();
    });
}

TEST(preemption_elsewhere, does_nothing_on_a_plain_thread) {
    const no_preempt guard;
    EXPECT_FALSE(maybe_yield());
    EXPECT_EQ(preemptible([] { return 5; }), 5);
    EXPECT_THROW(preemptible([] { throw 1; }), int);
}

} // namespace
} // namespace moor
