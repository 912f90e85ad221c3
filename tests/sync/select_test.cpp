#include <moor/select.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

template <class... Arguments>
concept selectable = requires(Arguments&&... arguments) {
    moor::select(std::forward<Arguments>(arguments)...);
};

using timeout_type = decltype(on_timeout(1ms));
static_assert(selectable<timeout_type>);
static_assert(!selectable<timeout_type&>, "a named case outlives what it refers to");
static_assert(!selectable<int>);

const auto ignored = [](const auto&) {};

class select_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, select_on, testing::Values(1u, 2u, 4u));

TEST_P(select_on, takes_the_case_that_is_ready) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers(1);
        const channel<std::string> words(1);
        words.send("ready");
        std::string got;
        EXPECT_EQ(select(on_receive(numbers, ignored),
                         on_receive(words, [&](std::optional<std::string> word) { got = *word; })),
                  1u);
        EXPECT_EQ(got, "ready");
        EXPECT_EQ(select(on_receive(words, ignored), on_send(numbers, 5)), 1u);
        EXPECT_EQ(numbers.try_receive(), 5);
    });
}

TEST_P(select_on, waits_for_the_first_partner_and_leaves_the_other_queues) {
    in_runtime(GetParam(), [] {
        const channel<int> first;
        const channel<int> second;
        auto waiting = spawn_blocked([=] {
            int got = 0;
            const auto chosen =
                select(on_receive(first, ignored), on_receive(second, [&](std::optional<int> n) { got = *n; }));
            return std::pair(chosen, got);
        });
        EXPECT_FALSE(waiting.done());
        second.send(42);
        EXPECT_EQ(waiting.join(never_reached), std::pair(std::size_t{1}, 42));
        EXPECT_FALSE(first.try_send(1)) << "the select still stands in the other queue";

        auto sending = spawn_blocked([=] { return select(on_send(first, 1), on_send(second, 2)); });
        EXPECT_EQ(first.receive(), 1);
        EXPECT_EQ(sending.join(never_reached), 0u);
        EXPECT_EQ(second.try_receive(), std::nullopt) << "the select still stands in the other queue";
    });
}

TEST_P(select_on, moves_a_value_out_only_when_its_case_is_chosen) {
    in_runtime(GetParam(), [] {
        const channel<std::unique_ptr<int>> full;
        const channel<std::unique_ptr<int>> open(1);
        auto kept = std::make_unique<int>(1);
        auto given = std::make_unique<int>(2);
        bool sent = false;
        EXPECT_EQ(select(on_send(full, std::move(kept)), on_send(open, std::move(given), [&] { sent = true; })), 1u);
        EXPECT_TRUE(sent);
        ASSERT_NE(kept, nullptr);
        EXPECT_EQ(given, nullptr);
        EXPECT_EQ(**open.receive(), 2);
        EXPECT_EQ(select(on_send(full, std::move(kept)), on_timeout(1ms)), 1u);
        ASSERT_NE(kept, nullptr);

        const channel<std::string> words(1);
        const std::string copied = "stays here, too long to be inside";
        select(on_send(words, copied));
        EXPECT_EQ(words.receive(), copied);
    });
}

TEST_P(select_on, times_out_by_case_and_by_limit) {
    in_runtime(GetParam(), [] {
        const channel<int> silent;
        const auto began = steady::now();
        bool ran = false;
        EXPECT_EQ(select(on_receive(silent, ignored), on_timeout(10s), on_timeout(15ms, [&] { ran = true; })), 2u);
        EXPECT_GE(steady::now() - began, 15ms);
        EXPECT_TRUE(ran);
        std::error_code error;
        EXPECT_EQ(select(5ms, error, on_receive(silent, ignored), on_timeout(10s)), no_case);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(select(10s, error, on_receive(silent, ignored), on_timeout(5ms)), 1u);
        EXPECT_FALSE(error);
        EXPECT_EQ(error_of([&] { select(wait_limit(5ms), on_receive(silent, ignored)); }), std::errc::timed_out);
        EXPECT_EQ(select(on_timeout(steady::now() - 1s)), 0u);
    });
}

TEST_P(select_on, otherwise_never_waits) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers(1);
        bool nothing = false;
        EXPECT_EQ(select(on_receive(numbers, ignored), otherwise([&] { nothing = true; })), 1u);
        EXPECT_TRUE(nothing);
        numbers.send(1);
        EXPECT_EQ(select(on_receive(numbers, ignored), otherwise()), 0u);
        EXPECT_EQ(select(otherwise()), 0u);
    });
}

TEST_P(select_on, a_closed_channel_is_ready_to_receive_and_an_error_to_send) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers;
        numbers.close();
        bool empty = false;
        EXPECT_EQ(select(on_receive(numbers, [&](std::optional<int> none) { empty = !none; })), 0u);
        EXPECT_TRUE(empty);
        std::error_code error;
        EXPECT_EQ(select({}, error, on_send(numbers, 1, [] { ADD_FAILURE(); })), no_case);
        EXPECT_EQ(error, channel_errc::closed);

        const channel<int> later;
        auto receiving = spawn_blocked([=] {
            bool ended = false;
            select(on_receive(later, [&](std::optional<int> none) { ended = !none; }));
            return ended;
        });
        later.close();
        EXPECT_TRUE(receiving.join(never_reached));

        const channel<int> full;
        auto waiting =
            spawn_blocked([=] { return error_of([&] { select(on_send(full, 1), on_timeout(never_reached)); }); });
        full.close();
        EXPECT_EQ(waiting.join(never_reached), channel_errc::closed);
    });
}

TEST_P(select_on, a_null_channel_is_never_ready) {
    in_runtime(GetParam(), [] {
        const channel<int> off(nullptr);
        const channel<int> numbers(1);
        EXPECT_EQ(select(on_receive(off, ignored), on_send(off, 1), on_send(numbers, 1)), 2u);
        EXPECT_EQ(select(on_receive(off, ignored), on_timeout(2ms)), 1u);
    });
}

// Three are always ready: each gets its share. 3,000 draws, expected 1,000 each, standard deviation 26.
TEST_P(select_on, chooses_fairly_among_those_that_are_ready) {
    std::array<int, 5> chosen{};
    in_runtime(GetParam(), [&] {
        const channel<int> a(1);
        const channel<int> b(1);
        const channel<int> never;
        const channel<int> c(1);
        for (int round = 0; round < 3'000; ++round) {
            (void)a.try_send(1);
            (void)b.try_send(1);
            (void)c.try_receive();
            ++chosen[select(on_receive(a, ignored), on_receive(b, ignored), on_receive(never, ignored), on_send(c, 1),
                            on_timeout(10s))];
        }
    });
    EXPECT_EQ(chosen[2] + chosen[4], 0);
    for (const int position : {0, 1, 3}) {
        EXPECT_NEAR(chosen[static_cast<std::size_t>(position)], 1'000, 200) << "case " << position;
    }
}

TEST_P(select_on, one_channel_may_occur_in_several_cases) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers;
        // Neither case may be matched with the other one of the same select.
        EXPECT_EQ(select(on_receive(numbers, ignored), on_send(numbers, 1), on_timeout(5ms)), 2u);
        auto either = spawn_blocked(
            [=] { return select(on_receive(numbers, ignored), on_send(numbers, 7), on_receive(numbers, ignored)); });
        EXPECT_EQ(numbers.receive(never_reached), 7);
        EXPECT_EQ(either.join(never_reached), 1u);
        auto twice = spawn_blocked([=] { return select(on_receive(numbers, ignored), on_receive(numbers, ignored)); });
        numbers.send(1);
        EXPECT_LT(twice.join(never_reached), 2u);
        EXPECT_FALSE(numbers.try_send(1));
    });
}

TEST_P(select_on, token_and_stop_end_the_wait) {
    in_runtime(GetParam(), [] {
        const channel<int> silent;
        std::stop_source source;
        auto by_token = spawn_blocked([&] {
            std::error_code error;
            EXPECT_EQ(select(source.get_token(), error, on_receive(silent, ignored), on_timeout(never_reached)),
                      no_case);
            return error;
        });
        auto by_stop = spawn_blocked([&] { return error_of([&] { select(on_receive(silent, ignored)); }); });
        source.request_stop();
        by_stop.request_stop();
        EXPECT_EQ(by_token.join(never_reached), std::errc::operation_canceled);
        EXPECT_EQ(by_stop.join(never_reached), std::errc::operation_canceled);
        EXPECT_FALSE(silent.try_send(1));
    });
}

TEST_P(select_on, handlers_may_use_the_channels_and_throw) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers(2);
        numbers.send(1);
        select(on_receive(numbers, [&](std::optional<int> number) {
            numbers.send(*number + 1); // would deadlock under a lock
            this_coroutine::yield();
        }));
        EXPECT_EQ(numbers.size(), 1u);
        EXPECT_THROW(
            select(on_receive(numbers, [](const std::optional<int>&) { throw std::runtime_error("handler"); })),
            std::runtime_error);
        EXPECT_EQ(numbers.size(), 0u);
    });
}

// Selects that face one another with the same channels in opposite orders: the locking order keeps them from deadlock,
// and the pairs must match.
TEST_P(select_on, selects_meet_each_other) {
    constexpr int parties = 6;
    constexpr int rounds = 400;
    std::atomic<long> sent{0};
    std::atomic<long> received{0};
    in_runtime(GetParam(), [&] {
        const channel<long> left;
        const channel<long> right;
        std::vector<join_handle<void>> running;
        for (int i = 0; i < parties; ++i) {
            running.push_back(spawn([&, i] {
                for (long round = 1; round <= rounds; ++round) {
                    if (i % 2 == 0) {
                        select(on_send(left, long{round}), on_send(right, long{round}));
                    } else {
                        select(on_send(right, long{round}), on_send(left, long{round}));
                    }
                    sent += round;
                }
            }));
            running.push_back(spawn([&, i] {
                for (int round = 0; round < rounds; ++round) {
                    const auto add = [&](std::optional<long> value) { received += *value; };
                    if (i % 2 == 0) {
                        select(on_receive(right, add), on_receive(left, add));
                    } else {
                        select(on_receive(left, add), on_receive(right, add));
                    }
                }
            }));
        }
        for (auto& handle : running) {
            handle.join(60s);
        }
    });
    EXPECT_EQ(sent, received);
    EXPECT_EQ(sent, long{parties} * rounds * (rounds + 1) / 2);
}

// Each coroutine both sends and receives on all channels, with deadlines that pass in between, from plain threads too.
TEST_P(select_on, nothing_is_lost_when_deadlines_race) {
    std::atomic<long> sent{0};
    std::atomic<long> received{0};
    std::atomic<long> exchanges{0};
    in_runtime(GetParam(), [&] {
        const work_guard thread_wakes;
        const channel<long> a;
        const channel<long> b(1);
        const channel<long> c;
        const auto work = [&](std::uint32_t stream) {
            random_numbers random(stream);
            for (int round = 0; round < 120; ++round) {
                const long value = static_cast<long>(random.below(1'000'000)) + 1;
                const auto add_sent = [&] {
                    sent += value;
                    ++exchanges;
                };
                const auto add_received = [&](std::optional<long> got) { received += *got; };
                const auto patience = std::chrono::microseconds(random.below(1'000));
                switch (random.below(3)) {
                case 0:
                    select(on_send(a, long{value}, add_sent), on_receive(b, add_received), on_timeout(patience));
                    break;
                case 1:
                    select(on_receive(c, add_received), on_send(b, long{value}, add_sent), on_receive(a, add_received),
                           on_timeout(patience));
                    break;
                default:
                    select(on_send(c, long{value}, add_sent), on_receive(a, add_received),
                           on_send(a, long{value}, add_sent), on_timeout(patience));
                    break;
                }
                random_delay(random);
            }
        };
        std::thread thread(work, 50);
        std::vector<join_handle<void>> running;
        for (std::uint32_t i = 0; i < 8; ++i) {
            running.push_back(spawn([&, i] { work(i); }));
        }
        for (auto& handle : running) {
            handle.join();
        }
        thread.join();
        if (const auto left = b.try_receive()) {
            received += *left;
        }
    });
    EXPECT_EQ(sent, received);
    EXPECT_GT(exchanges, 0);
    std::printf("exchanges %ld\n", exchanges.load());
}

TEST(select, works_from_plain_threads) {
    const channel<int> numbers;
    const channel<int> silent;
    std::thread sender([numbers] { numbers.send(9); });
    int got = 0;
    EXPECT_EQ(select(on_receive(silent, ignored), on_receive(numbers, [&](std::optional<int> n) { got = *n; }),
                     on_timeout(never_reached)),
              1u);
    EXPECT_EQ(got, 9);
    sender.join();
    EXPECT_EQ(select(on_receive(silent, ignored), on_timeout(5ms)), 1u);
}

} // namespace
} // namespace moor
