// The relay's promises to its users, over real connections on the loopback interface: what is forwarded, what is
// refused and why, and that nothing of a client stays behind.
#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>

#include "load/load_run.hpp"
#include "load/message.hpp"
#include "relay_fixture.hpp"

namespace frame_relay::testing {
namespace {

using namespace std::chrono_literals;

const client_key alice = key_number(0xaa);
const client_key bob = key_number(0xbb);
const client_key carol = key_number(0xcc);

/// Short limits, so that tests of limits are short.
relay_options impatient() {
    relay_options options;
    options.max_payload = 4096;
    options.keep_alive = 200ms;
    options.hello_time = 300ms;
    options.write_time = 300ms;
    options.farewell_time = 300ms;
    return options;
}

TEST(relay, forwards_to_the_key_that_a_frame_names) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client a(relay.address(), alice);
        test_client b(relay.address(), bob);
        a.send(bob, "to bob");
        EXPECT_EQ(b.received_from(alice), "to bob");
        b.send(alice, "");
        EXPECT_EQ(a.received_from(bob), "");
        a.send(alice, "to myself");
        EXPECT_EQ(a.received_from(alice), "to myself");
        EXPECT_EQ(relay.counters().forwarded, 3u);
        EXPECT_EQ(relay.counters().clients, 2u);
        EXPECT_TRUE(relay.logs({"aaaaaaaa", "connected"}));
    });
}

TEST(relay, keeps_the_order_and_every_size) {
    on_runtime([](moor::runtime& runtime) {
        relay_options options;
        options.queue_frames = 2000;
        running_relay relay(runtime, options);
        test_client a(relay.address(), alice);
        test_client b(relay.address(), bob);
        const auto text = [](std::size_t size) { return std::string(size, static_cast<char>('a' + size % 26)); };
        std::vector<std::size_t> sizes;
        for (std::size_t size = 0; size < 300; ++size) {
            sizes.push_back(size * 7);
        }
        // Around the read buffer and up to the limit: partly buffered, partly read straight into the frame.
        for (const std::size_t size : {16'300, 16'347, 16'348, 16'384, 20'000, 40'000, 65'504}) {
            sizes.push_back(size);
            sizes.push_back(1);
        }
        moor::task_group both;
        both.spawn([&] {
            for (const std::size_t size : sizes) {
                a.send(bob, text(size));
            }
        });
        for (const std::size_t size : sizes) {
            ASSERT_EQ(b.received_from(alice), text(size)) << size;
        }
        both.wait();
        EXPECT_EQ(relay.counters().forwarded, sizes.size());
    });
}

TEST(relay, takes_frames_that_come_byte_by_byte) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client a(relay.address(), alice);
        a.stream().set_no_delay(true);
        const frame sent = make_send(alice, 3);
        for (const std::byte& each : sent.wire()) {
            a.write(std::span(&each, 1));
            moor::this_coroutine::sleep_for(2ms);
        }
        EXPECT_EQ(a.received_from(alice).size(), 3u);
    });
}

TEST(relay, says_so_when_nobody_has_the_key) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client a(relay.address(), alice);
        a.send(bob, "anybody?");
        const frame answer = a.next();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer.type(), frame_type::peer_gone);
        EXPECT_EQ(answer.key(), bob);
        EXPECT_EQ(relay.counters().unroutable, 1u);
        EXPECT_TRUE(a.is_served());
    });
}

TEST(relay, the_newest_connection_has_the_key) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client older(relay.address(), alice);
        test_client newer(relay.address(), alice);
        EXPECT_EQ(older.reason_for_the_end(), closing_reason::replaced);
        EXPECT_TRUE(relay.logs({"aaaaaaaa", "closed: replaced"}));
        test_client b(relay.address(), bob);
        b.send(alice, "still there");
        EXPECT_EQ(newer.received_from(bob), "still there");
        EXPECT_EQ(relay.counters().clients, 2u);
    });
}

TEST(relay, a_log_that_fails_ends_nobody_elses_session) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {}, [](std::string_view line) {
            if (line.find("closed: ") != std::string_view::npos) {
                throw std::bad_alloc();
            }
        });
        test_client a(relay.address(), alice);
        { const test_client gone(relay.address(), bob); }
        EXPECT_TRUE(relay.logs({"bbbbbbbb", "closed: "}));
        EXPECT_TRUE(a.is_served());
        test_client later(relay.address(), carol);
        EXPECT_TRUE(later.is_served());
    });
}

TEST(relay, a_full_queue_drops_the_newest_frame_and_holds_up_nobody) {
    on_runtime([](moor::runtime& runtime) {
        relay_options options;
        options.queue_frames = 4;
        options.write_time = 60s;
        running_relay relay(runtime, options);
        test_client slow(relay.address(), bob);
        test_client a(relay.address(), alice);
        test_client c(relay.address(), carol);
        std::uint64_t sent = 0;
        // Until the system's own buffers are full as well.
        while (relay.counters().dropped == 0 && sent < 4000) {
            std::string text(60'000, 'x');
            text.replace(0, 8, fmt::format("{:08}", sent++));
            a.send(bob, text);
        }
        EXPECT_GT(relay.counters().dropped, 0u);
        c.send(alice, "through");
        EXPECT_EQ(a.received_from(carol), "through");
        EXPECT_TRUE(a.is_served()); // so everything that a sent has been routed
        const relay_counters counters = relay.counters();
        EXPECT_EQ(counters.forwarded + counters.dropped, sent + 1);

        // What was not dropped arrives, in order.
        std::int64_t last = -1;
        for (std::uint64_t i = 0; i < counters.forwarded - 1; ++i) {
            const std::string text = slow.received_from(alice);
            ASSERT_EQ(text.size(), 60'000u);
            const std::int64_t number = std::stoll(text.substr(0, 8));
            ASSERT_GT(number, last);
            last = number;
        }
        EXPECT_TRUE(slow.is_served());
    });
}

TEST(relay, closes_a_client_that_does_not_read) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, [] {
            relay_options options = impatient();
            options.max_payload = default_max_payload;
            options.keep_alive = 60s;
            return options;
        }());
        test_client deaf(relay.address(), bob);
        test_client a(relay.address(), alice);
        const std::string text(60'000, 'x');
        while (relay.counters().dropped < 10) {
            a.send(bob, text);
        }
        EXPECT_TRUE(relay.logs({"bbbbbbbb", "closed: does not read"})) << relay.log();
        EXPECT_TRUE(a.is_served());
    });
}

struct malformed_case {
    const char* name;
    bool introduced;
    std::vector<std::byte> bytes;
    const char* reason;
};

std::vector<std::byte> header_only(int type, std::uint32_t length) {
    const auto bytes = encode({.type = static_cast<frame_type>(type), .payload_length = length});
    return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> changed_hello(std::size_t position) {
    const frame hello = make_client_hello(alice);
    std::vector<std::byte> bytes(hello.wire().begin(), hello.wire().end());
    bytes[position] ^= std::byte{0x40};
    return bytes;
}

TEST(relay, closes_who_breaks_the_protocol_and_nobody_else) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client witness(relay.address(), carol);
        const std::vector<malformed_case> cases{
            {"frame before the hello", false, header_only(3, 40), "unexpected frame type"},
            {"hello of another protocol", false, changed_hello(header_size), "not a hello of this protocol"},
            {"hello of another version", false, changed_hello(header_size + 4), "unknown protocol version"},
            {"hello of another length", false, header_only(1, 38), "payload too long"},
            {"request of another protocol",
             false,
             {std::byte{'G'}, std::byte{'E'}, std::byte{'T'}, std::byte{' '}, std::byte{'/'}},
             "unexpected frame type"},
            {"second hello", true, header_only(1, 37), "unexpected frame type"},
            {"unknown type", true, header_only(99, 0), "unexpected frame type"},
            {"a frame of the relay's", true, header_only(4, 40), "unexpected frame type"},
            {"no room for the key", true, header_only(3, 31), "payload too short"},
            {"one byte too much", true, header_only(3, default_max_payload + 1), "payload too long"},
            {"4 GiB", true, header_only(3, 0xffffffff), "payload too long"},
            {"long ping", true, header_only(5, 9), "payload too long"},
        };
        unsigned char number = 1; // of the connection, as in the log; the witness is the first
        for (const malformed_case& each : cases) {
            test_client client(relay.address());
            if (++number; each.introduced) {
                client.hello(key_number(number));
            }
            client.write(each.bytes);
            // No SCOPED_TRACE: it belongs to the thread, and this coroutine changes threads.
            EXPECT_EQ(client.reason_for_the_end(), closing_reason::malformed) << each.name;
            EXPECT_TRUE(relay.logs({fmt::format("#{} ", number), fmt::format("closed: malformed ({})", each.reason)}))
                << each.name << '\n'
                << relay.log();
            EXPECT_TRUE(witness.is_served()) << each.name;
        }
        EXPECT_EQ(relay.counters().clients, 1u);
    });
}

TEST(relay, takes_the_largest_frame_that_it_allows) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client a(relay.address(), alice);
        a.send(alice, std::string(default_max_payload - key_size, 'x'));
        EXPECT_EQ(a.received_from(alice).size(), default_max_payload - key_size);
    });
}

TEST(relay, wants_the_whole_hello_in_time) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, impatient());
        const auto begin = std::chrono::steady_clock::now();
        test_client mute(relay.address());
        test_client half(relay.address());
        half.write(make_client_hello(alice).wire().first(20));
        EXPECT_EQ(mute.reason_for_the_end(), closing_reason::silent);
        EXPECT_EQ(half.reason_for_the_end(), closing_reason::silent);
        EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
        EXPECT_TRUE(relay.logs({"#1", "closed: no hello in time"}));
        EXPECT_TRUE(relay.logs({"#2", "closed: no hello in time"}));
        EXPECT_TRUE(relay.comes_to_rest());
    });
}

TEST(relay, answers_pings) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client a(relay.address(), alice);
        a.write(make_ping(0x1122334455667788));
        const frame answer = a.next();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer.type(), frame_type::pong);
        EXPECT_EQ(read_token(answer), 0x1122334455667788u);
    });
}

TEST(relay, keeps_a_quiet_client_that_answers_its_pings) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, impatient());
        test_client a(relay.address(), alice);
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < 6; ++i) { // twice as long as a silent client would live
            frame asked = a.next();
            ASSERT_TRUE(asked);
            ASSERT_EQ(asked.type(), frame_type::ping);
            asked.set_type(frame_type::pong);
            a.write(asked);
        }
        EXPECT_GE(std::chrono::steady_clock::now() - begin, 6 * 200ms);
        EXPECT_TRUE(a.is_served());
    });
}

TEST(relay, closes_a_client_that_is_silent) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, impatient());
        test_client a(relay.address(), alice);
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(a.reason_for_the_end(), closing_reason::silent);
        const auto lived = std::chrono::steady_clock::now() - begin;
        EXPECT_GE(lived, 3 * 200ms - 50ms);
        EXPECT_TRUE(relay.logs({"aaaaaaaa", "closed: silent"}));
        EXPECT_TRUE(relay.comes_to_rest());
    });
}

TEST(relay, a_byte_now_and_then_is_no_sign_of_life) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, impatient());
        test_client a(relay.address(), alice);
        const frame text = make_send(alice, 1000);
        std::error_code closed;
        for (std::size_t i = 0; i < 100 && !closed; ++i) {
            a.stream().write(text.wire().subspan(i, 1), 1s, closed);
            moor::this_coroutine::sleep_for(50ms);
        }
        EXPECT_TRUE(closed);
        EXPECT_TRUE(relay.logs({"aaaaaaaa", "closed: silent"}));
    });
}

TEST(relay, shuts_down_with_a_word_to_everybody) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        test_client a(relay.address(), alice);
        test_client b(relay.address(), bob);
        test_client unannounced(relay.address());
        while (relay.counters().clients < 3) { // it may be connected and not accepted yet
            moor::this_coroutine::sleep_for(1ms);
        }
        ASSERT_TRUE(b.is_served());
        a.send(bob, "last words");
        ASSERT_TRUE(a.is_served());
        relay.stop();
        EXPECT_EQ(b.received_from(alice), "last words");
        EXPECT_EQ(a.reason_for_the_end(), closing_reason::shutting_down);
        EXPECT_EQ(b.reason_for_the_end(), closing_reason::shutting_down);
        EXPECT_EQ(unannounced.reason_for_the_end(), closing_reason::shutting_down);
        EXPECT_EQ(relay.counters().clients, 0u);
        std::error_code refused;
        const auto late = moor::tcp_stream::connect(relay.address(), 5s, refused);
        EXPECT_TRUE(refused);
    });
}

TEST(relay, shuts_down_in_time_although_a_client_does_not_read) {
    on_runtime([](moor::runtime& runtime) {
        relay_options options;
        options.write_time = 60s;
        options.farewell_time = 200ms;
        running_relay relay(runtime, options);
        test_client deaf(relay.address(), bob);
        test_client a(relay.address(), alice);
        const std::string text(60'000, 'x');
        while (relay.counters().dropped == 0) {
            a.send(bob, text);
        }
        const auto begin = std::chrono::steady_clock::now();
        relay.stop();
        EXPECT_LT(std::chrono::steady_clock::now() - begin, options.write_time / 2);
        EXPECT_EQ(relay.counters().clients, 0u);
    });
}

TEST(relay, nothing_stays_behind_of_clients_however_they_go) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        seeded_random random(7);
        for (int round = 0; round < 5; ++round) {
            moor::task_group group;
            for (unsigned char i = 0; i < 20; ++i) {
                group.spawn([&relay, key = key_number(i), choice = random()] {
                    test_client client(relay.address());
                    if (choice % 5 == 0) {
                        return; // without a word
                    }
                    client.hello(key);
                    client.send(key, std::string(1000, 'x'));
                    switch (choice % 5) {
                    case 1: client.write(make_send(key, 500).wire().first(100)); break;
                    case 2: client.stream().reset(); break;
                    case 3: client.stream().shutdown(moor::shutdown_side::send); break;
                    default: EXPECT_EQ(client.received_from(key).size(), 1000u); break;
                    }
                });
            }
            group.wait();
            ASSERT_TRUE(relay.comes_to_rest()) << relay.log();
        }
        test_client a(relay.address(), alice);
        EXPECT_TRUE(a.is_served());
    });
}

load_settings load_against(const running_relay& relay) {
    load_settings settings;
    settings.server = relay.address();
    settings.clients = 20;
    settings.duration = 2s;
    settings.drain_patience = 2s;
    return settings;
}

load_result run(const load_settings& settings) {
    return run_load(settings, [](std::string_view line) { fmt::print("{}\n", line); });
}

TEST(relay, loses_nothing_under_load) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        const load_result result = run(load_against(relay));
        EXPECT_TRUE(result.good()) << result.to_string();
        EXPECT_TRUE(relay.comes_to_rest());
        EXPECT_EQ(relay.counters().forwarded, result.frames);
        EXPECT_EQ(relay.counters().dropped, 0u);
    });
}

TEST(relay, loses_nothing_beside_hostile_clients) {
    on_runtime([](moor::runtime& runtime) {
        running_relay relay(runtime, {});
        load_settings settings = load_against(relay);
        settings.duration = 4s;
        settings.chaos = true;
        const load_result result = run(settings);
        EXPECT_TRUE(result.good()) << result.to_string();
        EXPECT_TRUE(relay.comes_to_rest());
    });
}

// The load generator can see a loss: with a queue that is too small for its windows, frames are dropped, and they show.
TEST(relay, a_dropped_frame_shows_as_lost) {
    on_runtime([](moor::runtime& runtime) {
        relay_options options;
        options.queue_frames = 1;
        running_relay relay(runtime, options);
        const load_result result = run(load_against(relay));
        EXPECT_GT(relay.counters().dropped, 0u);
        EXPECT_EQ(result.lost, relay.counters().dropped);
        EXPECT_EQ(result.corrupted, 0u);
        EXPECT_FALSE(result.good());
    });
}

} // namespace
} // namespace frame_relay::testing
