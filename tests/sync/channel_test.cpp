#include <moor/channel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

static_assert(std::ranges::input_range<channel<int>>);
static_assert(std::ranges::input_range<const channel<std::unique_ptr<int>>&>);
static_assert(std::copyable<channel<std::unique_ptr<int>>>);
static_assert(!channel_element<const int> && !channel_element<int&>);

class channel_on : public on_workers {};
INSTANTIATE_TEST_SUITE_P(workers, channel_on, testing::Values(1u, 2u, 4u));

TEST_P(channel_on, unbuffered_sender_waits_until_its_value_is_taken) {
    in_runtime(GetParam(), [] {
        const channel<std::string> words(0); // a literal 0 is a capacity, not a null handle
        auto sender = spawn_blocked([words] { words.send("hello, and longer than any small string"); });
        EXPECT_FALSE(sender.done());
        EXPECT_EQ(words.size(), 0u);
        EXPECT_EQ(words.receive(), "hello, and longer than any small string");
        sender.join(never_reached);

        auto receiver = spawn_blocked([words] { return words.receive(); });
        words.send("back");
        EXPECT_EQ(receiver.join(never_reached), "back");
    });
}

TEST_P(channel_on, buffered_keeps_the_order_and_fills_up) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers(3);
        EXPECT_EQ(numbers.capacity(), 3u);
        for (int i = 0; i < 3; ++i) {
            numbers.send(i);
        }
        EXPECT_EQ(numbers.size(), 3u);
        EXPECT_FALSE(numbers.try_send(99));
        auto late = spawn_blocked([numbers] { numbers.send(3); });
        EXPECT_FALSE(late.done());
        for (int i = 0; i < 4; ++i) {
            EXPECT_EQ(numbers.receive(), i);
        }
        late.join(never_reached);
        EXPECT_TRUE(numbers.empty());
        EXPECT_FALSE(numbers.try_receive());
    });
}

TEST_P(channel_on, ring_wraps_around_in_order) {
    in_runtime(GetParam(), [] {
        const channel<std::string> words(3);
        int sent = 0;
        int received = 0;
        random_numbers random(1);
        while (received < 500) {
            if (sent < 500 && (received == sent || (words.size() < 3 && random.below(2) == 0))) {
                words.send("a word that does not fit into the object, number " + std::to_string(sent++));
            } else {
                ASSERT_EQ(words.receive(),
                          "a word that does not fit into the object, number " + std::to_string(received++));
            }
        }
    });
}

// Receivers and senders that wait are served in the order of their arrival.
TEST_P(channel_on, serves_both_sides_first_come_first_served) {
    in_runtime(GetParam(), [] {
        for (const std::size_t capacity : {0u, 2u}) {
            const channel<int> numbers(capacity);
            std::vector<join_handle<std::optional<int>>> receivers;
            for (int i = 0; i < 4; ++i) {
                receivers.push_back(spawn_blocked([numbers] { return numbers.receive(); }));
            }
            for (int i = 0; i < 4; ++i) {
                numbers.send(i);
            }
            for (int i = 0; i < 4; ++i) {
                EXPECT_EQ(receivers[static_cast<std::size_t>(i)].join(never_reached), i);
            }
            std::vector<join_handle<void>> senders;
            for (int i = 0; i < 5; ++i) {
                senders.push_back(spawn_blocked([numbers, i] { numbers.send(i); }));
            }
            for (int i = 0; i < 5; ++i) {
                EXPECT_EQ(numbers.receive(), i);
            }
            for (auto& sender : senders) {
                sender.join(never_reached);
            }
        }
    });
}

TEST_P(channel_on, move_only_values_stay_with_the_sender_on_failure) {
    in_runtime(GetParam(), [] {
        const channel<std::unique_ptr<int>> owners(1);
        auto value = std::make_unique<int>(7);
        EXPECT_TRUE(owners.try_send(std::move(value)));
        EXPECT_EQ(value, nullptr);
        value = std::make_unique<int>(8);
        std::error_code error;
        EXPECT_FALSE(owners.try_send(std::move(value), error));
        EXPECT_EQ(error, std::errc::resource_unavailable_try_again);
        ASSERT_NE(value, nullptr);
        EXPECT_FALSE(owners.send(std::move(value), 5ms, error));
        EXPECT_EQ(error, std::errc::timed_out);
        ASSERT_NE(value, nullptr);
        owners.close();
        EXPECT_FALSE(owners.send(std::move(value), {}, error));
        EXPECT_EQ(error, channel_errc::closed);
        EXPECT_FALSE(owners.try_send(std::move(value), error));
        EXPECT_EQ(error, channel_errc::closed);
        ASSERT_NE(value, nullptr);
        EXPECT_EQ(*value, 8);
        EXPECT_EQ(**owners.receive(), 7);
    });
}

TEST_P(channel_on, close_ends_senders_at_once_and_receivers_when_drained) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers(2);
        numbers.send(1);
        numbers.send(2);
        auto sender = spawn_blocked([numbers] { return error_of([&] { numbers.send(3); }); });
        EXPECT_FALSE(numbers.is_closed());
        EXPECT_TRUE(numbers.close());
        EXPECT_FALSE(numbers.close()) << "the second close closed it again";
        EXPECT_TRUE(numbers.is_closed());
        EXPECT_EQ(sender.join(never_reached), channel_errc::closed);
        EXPECT_EQ(error_of([&] { numbers.send(4); }), channel_errc::closed);
        std::error_code error = std::make_error_code(std::errc::io_error);
        EXPECT_EQ(numbers.receive({}, error), 1);
        EXPECT_FALSE(error);
        EXPECT_EQ(numbers.try_receive(), 2);
        EXPECT_EQ(numbers.receive(), std::nullopt);
        EXPECT_EQ(numbers.receive({}, error), std::nullopt);
        EXPECT_FALSE(error);
        EXPECT_EQ(numbers.try_receive(error), std::nullopt);
        EXPECT_EQ(error, channel_errc::closed);
        EXPECT_STREQ(error.category().name(), "channel");
        EXPECT_EQ(error.message(), "the channel is closed");

        const channel<int> other;
        std::vector<join_handle<std::optional<int>>> receivers;
        for (int i = 0; i < 3; ++i) {
            receivers.push_back(spawn_blocked([other] { return other.receive(); }));
        }
        other.close();
        for (auto& receiver : receivers) {
            EXPECT_EQ(receiver.join(never_reached), std::nullopt);
        }
    });
}

TEST_P(channel_on, iterates_until_closed_and_drained) {
    in_runtime(GetParam(), [] {
        const channel<std::unique_ptr<int>> owners(4);
        auto sender = spawn([owners] {
            for (int i = 0; i < 100; ++i) {
                owners.send(std::make_unique<int>(i));
            }
            owners.close();
        });
        std::vector<int> seen;
        for (std::unique_ptr<int>& owned : owners) {
            seen.push_back(*owned);
        }
        sender.join();
        ASSERT_EQ(seen.size(), 100u);
        EXPECT_TRUE(std::ranges::is_sorted(seen));
        for (const auto& none : owners) {
            ADD_FAILURE() << *none;
        }

        const channel<int> numbers(3);
        for (int i = 1; i <= 3; ++i) {
            numbers.send(i);
        }
        numbers.close();
        int sum = 0;
        std::ranges::for_each(numbers, [&](int number) { sum += number; });
        EXPECT_EQ(sum, 6);
    });
}

TEST_P(channel_on, deadline_token_and_stop_end_both_sides) {
    in_runtime(GetParam(), [] {
        const channel<int> numbers;
        const auto began = steady::now();
        EXPECT_EQ(error_of([&] { numbers.send(1, 15ms); }), std::errc::timed_out);
        EXPECT_EQ(error_of([&] { (void)numbers.receive(15ms); }), std::errc::timed_out);
        EXPECT_GE(steady::now() - began, 30ms);
        std::error_code error;
        EXPECT_EQ(numbers.receive(1ms, error), std::nullopt);
        EXPECT_EQ(error, std::errc::timed_out);

        std::stop_source source;
        auto sent = spawn_blocked([&] { return error_of([&] { numbers.send(1, source.get_token()); }); });
        source.request_stop();
        EXPECT_EQ(sent.join(never_reached), std::errc::operation_canceled);
        auto received = spawn_blocked([&] { return error_of([&] { (void)numbers.receive(); }); });
        received.request_stop();
        EXPECT_EQ(received.join(never_reached), std::errc::operation_canceled);
        auto iterated = spawn_blocked([&] {
            return error_of([&] {
                for (const int number : numbers) {
                    ADD_FAILURE() << number;
                }
            });
        });
        iterated.request_stop();
        EXPECT_EQ(iterated.join(never_reached), std::errc::operation_canceled);
        EXPECT_FALSE(numbers.try_send(1)) << "a receiver that gave up was still in the queue";
        EXPECT_EQ(numbers.try_receive(), std::nullopt) << "a sender that gave up was still in the queue";
    });
}

// Neither side ever has to wait here, so nothing but the look before the call can see the request.
TEST_P(channel_on, a_request_to_stop_is_seen_even_when_there_is_always_room) {
    in_runtime(GetParam(), [] {
        auto endless = spawn([] {
            const channel<int> numbers(1);
            return error_of([&] {
                for (;;) {
                    numbers.send(1);
                    (void)numbers.receive();
                    this_coroutine::yield();
                }
            });
        });
        let_others_run();
        endless.request_stop();
        EXPECT_EQ(endless.join(never_reached), std::errc::operation_canceled);
    });
}

TEST_P(channel_on, a_null_handle_has_no_channel) {
    in_runtime(GetParam(), [] {
        channel<int> first(1);
        const channel<int> second = std::move(first);
        EXPECT_FALSE(first);
        EXPECT_TRUE(second);
        EXPECT_EQ(error_of([&] { first.send(1); }), std::errc::invalid_argument);
        EXPECT_EQ(error_of([&] { (void)first.receive(); }), std::errc::invalid_argument);
        EXPECT_FALSE(first.try_send(1));
        EXPECT_FALSE(first.close());
        EXPECT_EQ(first.size() + first.capacity(), 0u);
        first = second;
        EXPECT_EQ(first, second);
        EXPECT_TRUE(first.try_send(1));
        EXPECT_EQ(second.try_receive(), 1);
        EXPECT_NE(first, channel<int>(nullptr));
        EXPECT_THROW((channel<std::array<char, 64>>(static_cast<std::size_t>(-1))), std::bad_alloc);
    });
}

struct counted {
    explicit counted(std::atomic<int>& alive) : alive_(&alive) { ++*alive_; }
    counted(counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
    counted& operator=(counted&&) = delete;
    ~counted() { --*alive_; }
    std::atomic<int>* alive_;
};

TEST_P(channel_on, destroys_every_value_once) {
    std::atomic<int> alive{0};
    in_runtime(GetParam(), [&] {
        {
            const channel<counted> values(3);
            values.send(counted(alive));
            values.send(counted(alive));
            (void)values.receive();
            values.send(counted(alive));
            values.send(counted(alive));
            EXPECT_EQ(alive, 3);
            auto waiting = spawn_blocked([&, values] { values.send(counted(alive)); });
            (void)values.receive();
            waiting.join();
            EXPECT_EQ(alive, 3);
        }
        EXPECT_EQ(alive, 0) << "the last handle did not destroy what was left";
        struct alignas(64) wide {
            char bytes[64];
        };
        const channel<wide> aligned(3);
        for (int i = 0; i < 5; ++i) {
            aligned.send(wide{});
            const auto received = aligned.receive();
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*received) % 64, 0u);
        }
    });
}

struct load {
    unsigned workers;
    std::size_t capacity;
};
class channel_under : public testing::TestWithParam<load> {};
INSTANTIATE_TEST_SUITE_P(load, channel_under,
                         testing::Values(load{1, 0}, load{1, 7}, load{2, 0}, load{2, 1}, load{4, 0}, load{4, 8}),
                         [](const auto& given) {
                             return std::to_string(given.param.workers) + "_workers_capacity_" +
                                    std::to_string(given.param.capacity);
                         });

// Every value arrives once, and those of one sender in order.
TEST_P(channel_under, many_senders_and_receivers) {
    static constexpr int senders = 8;
    static constexpr int receivers = 5;
    static constexpr int each = 1'500;
    std::atomic<long> received{0};
    std::vector<std::atomic<int>> times(senders * each);
    in_runtime(GetParam().workers, [&] {
        const channel<std::pair<int, int>> values(GetParam().capacity);
        std::vector<join_handle<void>> sending;
        std::vector<join_handle<void>> receiving;
        for (int r = 0; r < receivers; ++r) {
            receiving.push_back(spawn([&, values] {
                std::array<int, senders> last;
                last.fill(-1);
                for (const auto& [sender, number] : values) {
                    EXPECT_GT(number, last[static_cast<std::size_t>(sender)]);
                    last[static_cast<std::size_t>(sender)] = number;
                    ++times[static_cast<std::size_t>(sender * each + number)];
                    ++received;
                }
            }));
        }
        for (int s = 0; s < senders; ++s) {
            sending.push_back(spawn([values, s] {
                for (int i = 0; i < each; ++i) {
                    values.send({s, i});
                }
            }));
        }
        for (auto& handle : sending) {
            handle.join();
        }
        values.close();
        for (auto& handle : receiving) {
            handle.join();
        }
    });
    EXPECT_EQ(received, long{senders} * each);
    EXPECT_TRUE(std::ranges::all_of(times, [](const auto& count) { return count == 1; }));
}

// Deadlines that pass about when the partner comes: a value is never lost and never doubled.
TEST_P(channel_under, deadlines_race_with_the_partner) {
    constexpr int parties = 4;
    constexpr int rounds = 150;
    std::atomic<long> sent{0};
    std::atomic<long> sent_sum{0};
    std::atomic<long> received{0};
    std::atomic<long> received_sum{0};
    in_runtime(GetParam().workers, [&] {
        const work_guard thread_wakes;
        const channel<std::unique_ptr<long>> values(GetParam().capacity);
        std::atomic<int> sending{parties + 1};
        const auto send_some = [&](std::uint32_t stream) {
            random_numbers random(stream);
            for (int round = 0; round < rounds; ++round) {
                const long number = static_cast<long>(stream) * rounds + round;
                auto value = std::make_unique<long>(number);
                std::error_code error;
                if (values.send(std::move(value), std::chrono::microseconds(random.below(1'000)), error)) {
                    EXPECT_EQ(value, nullptr);
                    ++sent;
                    sent_sum += number;
                } else {
                    EXPECT_NE(value, nullptr);
                }
                random_delay(random);
            }
            --sending;
        };
        const auto receive_some = [&](std::uint32_t stream) {
            random_numbers random(stream + 100);
            while (sending > 0) {
                std::error_code error;
                if (const auto value = values.receive(std::chrono::microseconds(random.below(1'000)), error)) {
                    ++received;
                    received_sum += **value;
                }
                random_delay(random);
            }
        };
        std::thread sender(send_some, parties);
        std::thread receiver(receive_some, parties);
        std::vector<join_handle<void>> running;
        for (std::uint32_t i = 0; i < parties; ++i) {
            running.push_back(spawn([&, i] { send_some(i); }));
        }
        running.push_back(
            spawn([&] { receive_some(0); })); // and the thread: too few, so that senders run into time-outs
        for (auto& handle : running) {
            handle.join();
        }
        sender.join();
        receiver.join();
        while (const auto left = values.try_receive()) {
            ++received;
            received_sum += **left;
        }
    });
    EXPECT_EQ(sent, received);
    EXPECT_EQ(sent_sum, received_sum);
    EXPECT_GT(sent, 0);
    EXPECT_LT(sent, (parties + 1) * rounds) << "no deadline ever passed";
    std::printf("sent %ld of %d\n", sent.load(), (parties + 1) * rounds);
}

// close() comes at any moment: what was sent without an error is received, everybody returns.
TEST_P(channel_under, close_races_with_senders_and_receivers) {
    constexpr int pairs = 3;
    constexpr int rounds = 150;
    std::atomic<long> refused{0};
    std::atomic<long> passed{0};
    in_runtime(GetParam().workers, [&] {
        random_numbers random(11);
        for (int round = 0; round < rounds; ++round) {
            const channel<int> values(GetParam().capacity);
            std::atomic<int> sent{0};
            std::atomic<int> received{0};
            std::vector<join_handle<void>> running;
            for (int i = 0; i < pairs; ++i) {
                running.push_back(spawn([&, values] {
                    std::error_code error;
                    while (values.send(1, {}, error)) {
                        if (++sent % 4 == 0) {
                            this_coroutine::yield();
                        }
                    }
                    EXPECT_EQ(error, channel_errc::closed);
                    ++refused;
                }));
                running.push_back(spawn([&, values] {
                    for (const int number : values) {
                        received += number;
                    }
                }));
            }
            for (std::uint32_t turns = random.below(30); turns > 0; --turns) {
                this_coroutine::yield();
            }
            EXPECT_TRUE(values.close());
            for (auto& handle : running) {
                handle.join(never_reached);
            }
            ASSERT_EQ(sent, received) << "round " << round;
            passed += sent;
        }
    });
    EXPECT_EQ(refused, pairs * rounds);
    EXPECT_GT(passed, 0);
}

TEST(channel, works_between_plain_threads) {
    const channel<int> numbers;
    std::thread sender([numbers] {
        for (int i = 0; i < 200; ++i) {
            numbers.send(i);
        }
        numbers.close();
    });
    int expected = 0;
    for (const int number : numbers) {
        EXPECT_EQ(number, expected++);
    }
    EXPECT_EQ(expected, 200);
    sender.join();
    std::error_code error;
    const channel<int> silent;
    EXPECT_EQ(silent.receive(10ms, error), std::nullopt);
    EXPECT_EQ(error, std::errc::timed_out);
}

} // namespace
} // namespace moor
