// Waits that a stop token may end: one callback for all waits for a token, destroyed where nobody has to wait for it.
#include "sched/stop_wait.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/detail/wait.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "sched/both_sides.hpp"
#include "sched/signal.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor::sched {
namespace {

using namespace std::chrono_literals;
using detail::wait;
using detail::wake_reason;

class stop_wait_on : public testing::TestWithParam<test::side> {};
INSTANTIATE_TEST_SUITE_P(side, stop_wait_on, test::both_sides(), test::name_of_side);

/// A wait that ends at once, after it had its token watched.
void wait_for_nothing(const std::stop_token& token) {
    const wait_limit limit(token);
    wait waiting("test", limit);
    waiting.ticket().wake(wake_reason::notified);
    ASSERT_EQ(waiting.suspend(), wake_reason::notified);
}

TEST_P(stop_wait_on, waits_for_a_token_share_its_callback) {
    test::run_on(GetParam(), [] {
        std::stop_source source;
        wait_for_nothing(source.get_token());
        const std::size_t with_one = watched_stop_tokens();
        EXPECT_GE(with_one, 1u);
        for (int again = 0; again < 100; ++again) {
            wait_for_nothing(source.get_token());
        }
        EXPECT_EQ(watched_stop_tokens(), with_one);
        std::stop_source other;
        wait_for_nothing(other.get_token());
        EXPECT_EQ(watched_stop_tokens(), with_one + 1);
        source.request_stop();
        EXPECT_EQ(watched_stop_tokens(), with_one) << "the callback has run, and is gone";
        other.request_stop();
        EXPECT_EQ(watched_stop_tokens(), with_one - 1);
    });
}

TEST_P(stop_wait_on, a_token_that_nobody_can_stop_any_more_is_forgotten) {
    test::run_on(GetParam(), [] {
        constexpr std::size_t tokens = 20'000;
        const std::size_t before = watched_stop_tokens();
        for (std::size_t each = 0; each < tokens; ++each) {
            const std::stop_source source;
            wait_for_nothing(source.get_token());
        }
        EXPECT_LT(watched_stop_tokens(), before + tokens / 8) << "the callbacks of dead tokens pile up";
    });
}

TEST(stop_wait, one_request_ends_all_waits_for_the_token_and_no_other) {
    test::in_runtime(3, [] {
        constexpr std::size_t waits = 200; // several rounds of what is claimed at a time
        std::stop_source source;
        std::stop_source other;
        std::array<test::signal, waits> signals;
        test::signal bystander;
        std::vector<join_handle<wake_reason>> stopped;
        for (test::signal& each : signals) {
            stopped.push_back(spawn([&] { return each.wait(source.get_token()); }));
        }
        auto not_stopped = spawn([&] { return bystander.wait(other.get_token()); });
        for (test::signal& each : signals) {
            ASSERT_TRUE(test::eventually([&] { return each.has_waiter(); }));
        }
        ASSERT_TRUE(test::eventually([&] { return bystander.has_waiter(); }));
        signals[waits / 2].set();
        EXPECT_EQ(stopped[waits / 2].join(), wake_reason::notified);
        source.request_stop();
        for (std::size_t each = 0; each < waits; ++each) {
            if (each != waits / 2) {
                EXPECT_EQ(stopped[each].join(), wake_reason::stopped);
            }
        }
        EXPECT_FALSE(not_stopped.done());
        bystander.set();
        EXPECT_EQ(not_stopped.join(), wake_reason::notified);
    });
}

/// A plain thread that requests stops, each as near as can be to what the other side does at the same time.
class requester {
public:
    requester() : thread_([this] { run(); }) {}
    ~requester() {
        round_.store(-1);
        thread_.join();
    }

    /// From now on within microseconds, `source` is asked to stop.
    void begin(std::stop_source& source) {
        source_ = &source;
        done_.store(false, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_release);
    }

    /// Waits for the end of request_stop().
    void finish() {
        while (!done_.load(std::memory_order_acquire)) {
            this_coroutine::yield();
        }
    }

private:
    void run() {
        for (int seen = 0;;) {
            int round = round_.load(std::memory_order_acquire);
            while (round == seen) {
                std::this_thread::yield();
                round = round_.load(std::memory_order_acquire);
            }
            if (round < 0) {
                return;
            }
            seen = round;
            source_->request_stop();
            done_.store(true, std::memory_order_release);
        }
    }

    std::atomic<int> round_{0};
    std::atomic<bool> done_{false};
    std::stop_source* source_ = nullptr; // written before round_, read after it
    std::thread thread_;
};

/// As many as a quiet machine makes in about a second. Where others want the processors, each round takes turns of the
/// system's scheduler, and these make it different from the others: fewer will do.
class rounds {
public:
    [[nodiscard]] bool next() noexcept {
        constexpr int most = 20'000;
        constexpr int enough = 1'000;
        ++done_;
        return done_ <= enough ||
               (done_ <= most && std::chrono::steady_clock::now() - began_ < std::chrono::seconds(3));
    }

private:
    int done_ = 0;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// With a stop_callback in each wait, one of the next three hung in each of three runs of ten.
TEST_P(stop_wait_on, a_request_at_the_end_of_a_wait_holds_nobody_up) {
    test::run_on(GetParam(), [] {
        rounds more;
        requester stops;
        while (more.next()) {
            std::stop_source source;
            const wait_limit limit(source.get_token());
            wait_for_nothing(source.get_token()); // so that the next one finds the callback
            stops.begin(source);
            for (;;) {
                wait waiting("test", limit);
                waiting.ticket().wake(wake_reason::notified);
                static_cast<void>(waiting.suspend());
                if (source.stop_requested()) {
                    break;
                }
            }
            stops.finish();
        }
    });
}

TEST_P(stop_wait_on, a_request_at_the_beginning_of_the_first_wait_ends_it) {
    test::run_on(GetParam(), [] {
        rounds more;
        requester stops;
        const std::size_t before = watched_stop_tokens();
        while (more.next()) {
            std::stop_source source;
            const wait_limit limit(source.get_token());
            stops.begin(source);
            {
                wait waiting("test", limit);
                const work_guard expected;
                ASSERT_EQ(waiting.suspend(), wake_reason::stopped);
            }
            stops.finish();
        }
        EXPECT_LE(watched_stop_tokens(), before) << "a callback that has run is still there";
    });
}

// Threads come and go, and with them what their tickets point to.
TEST(stop_wait, threads_that_end_after_their_wait) {
    for (int round = 0; round < 200; ++round) {
        std::stop_source source;
        std::vector<std::thread> threads;
        for (int each = 0; each < 4; ++each) {
            threads.emplace_back([&, each] {
                const wait_limit limit(std::chrono::milliseconds(each), source.get_token());
                wait waiting("test", limit);
                EXPECT_NE(waiting.suspend(), wake_reason::notified);
            });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(round % 3));
        source.request_stop();
        for (std::thread& each : threads) {
            each.join();
        }
    }
}

} // namespace
} // namespace moor::sched
