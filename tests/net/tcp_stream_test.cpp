// Transfers of a connected stream: reading, writing, ends, scatter and gather, options. Deadlines, stops and closing
// are in tcp_stream_end_test.cpp, connecting in connect_test.cpp.
#include <moor/tcp.hpp>

#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/adversary.hpp"
#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/platform.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

class tcp_stream_on : public testing::TestWithParam<unsigned> {
protected:
    void TearDown() override {
        EXPECT_TRUE(test::eventually([this] { return running.metrics().operations_in_use == 0; }));
        EXPECT_EQ(running.metrics().packets_foreign, 0u);
    }

    runtime running{test::with_workers(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(workers, tcp_stream_on, testing::Values(1u, 2u));

TEST_P(tcp_stream_on, carries_bytes_both_ways) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        EXPECT_EQ(client.write(test::make_bytes(100)), 100u);
        std::array<std::byte, 100> buffer{};
        EXPECT_EQ(server.read_exactly(buffer), 100u);
        EXPECT_EQ(test::matching(buffer, 0), 100u);
        EXPECT_EQ(server.write(buffer), 100u);
        std::array<std::byte, 60> first{};
        EXPECT_EQ(client.read_exactly(first), 60u);
        EXPECT_EQ(client.read_some(buffer), 40u);
        EXPECT_EQ(test::matching(std::span(buffer).first(40), 60), 40u);
    });
}

TEST_P(tcp_stream_on, nothing_to_transfer_is_done_at_once) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        EXPECT_EQ(client.read_some(std::span<std::byte>()), 0u);
        EXPECT_EQ(client.read_exactly(std::span<std::byte>()), 0u);
        EXPECT_EQ(client.write(std::span<const std::byte>()), 0u);
        EXPECT_EQ(client.write(std::span<const std::span<const std::byte>>()), 0u);
        const std::array<std::span<std::byte>, 3> empty{};
        EXPECT_EQ(client.read_some(empty), 0u);
    });
}

TEST_P(tcp_stream_on, the_end_is_zero_bytes_and_half_closing_keeps_the_other_half) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        client.write(test::make_bytes(10));
        client.shutdown(shutdown_side::send);
        std::array<std::byte, 100> buffer{};
        EXPECT_EQ(server.read_some(buffer), 10u);
        EXPECT_EQ(server.read_some(buffer), 0u);
        EXPECT_EQ(server.read_some(buffer), 0u);
        std::error_code error;
        server.wait_readable(20s, error);
        EXPECT_FALSE(error) << "an end is readable";

        EXPECT_EQ(server.write(test::make_bytes(20)), 20u);
        EXPECT_EQ(client.read_exactly(std::span(buffer).first(20)), 20u);
        client.write(buffer, {}, error);
        EXPECT_TRUE(error) << "this half is closed";
        server.close();
        EXPECT_EQ(client.read_some(buffer), 0u);
    });
}

TEST_P(tcp_stream_on, an_early_end_is_an_error_of_read_exactly) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        client.write(test::make_bytes(10));
        client.close();
        std::array<std::byte, 11> buffer{};
        std::error_code error;
        EXPECT_EQ(server.read_exactly(buffer, {}, error), 10u);
        EXPECT_EQ(error, stream_errc::end_of_stream);
        EXPECT_EQ(test::matching(std::span(buffer).first(10), 0), 10u);
        EXPECT_THROW(server.read_exactly(buffer), std::system_error);
    });
}

TEST_P(tcp_stream_on, a_reset_reaches_the_peer) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        client.reset();
        EXPECT_FALSE(client.is_open());
        std::array<std::byte, 1> buffer{};
        std::error_code error;
        server.read_some(buffer, 20s, error);
        // Wine shuts a socket down before it closes it, so the peer sees an end before the reset.
        EXPECT_TRUE(error == std::errc::connection_reset || (test::under_wine() && !error)) << error.message();
        // Either way the connection is gone, which a writer learns by the second write at the latest.
        EXPECT_TRUE(test::eventually([&, to = &server] {
            to->write(buffer, 20s, error);
            return static_cast<bool>(error);
        }));
    });
}

// Both directions at once from four coroutines, every byte checked; far more than any socket buffer holds.
TEST_P(tcp_stream_on, moves_eight_mebibytes_each_way_at_once) {
    running.run([] {
        static constexpr std::size_t total = std::size_t{8} << 20;
        test::tcp_pair pair = test::make_tcp_pair();
        const auto write_all = [](tcp_stream& to, std::uint32_t number) {
            std::minstd_rand random(number);
            for (std::size_t written = 0; written < total;) {
                const std::size_t count = std::min<std::size_t>(total - written, 1 + random() % 300'000);
                EXPECT_EQ(to.write(test::make_bytes(count, written, number)), count);
                written += count;
            }
            to.shutdown(shutdown_side::send);
        };
        const auto read_all = [](tcp_stream& from, std::uint32_t number) {
            std::vector<std::byte> buffer(100'000);
            std::size_t read = 0;
            while (const std::size_t count = from.read_some(buffer)) {
                ASSERT_EQ(test::matching(std::span(buffer).first(count), read, number), count) << "near byte " << read;
                read += count;
            }
            EXPECT_EQ(read, total);
        };
        auto first = spawn([&] { write_all(pair.client, 1); });
        auto second = spawn([&] { write_all(pair.server, 2); });
        auto third = spawn([&] { read_all(pair.client, 2); });
        read_all(pair.server, 1);
        first.join();
        second.join();
        third.join();
    });
}

TEST_P(tcp_stream_on, gathers_and_scatters_forty_buffers) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        const auto data = test::make_bytes(40 * 41 / 2);
        std::vector<std::span<const std::byte>> parts;
        std::size_t used = 0;
        for (std::size_t size = 1; size <= 40; ++size) {
            parts.push_back(std::span(data).subspan(used, size));
            parts.emplace_back(); // empty ones do no harm
            used += size;
        }
        EXPECT_EQ(client.write(parts), data.size());

        std::vector<std::byte> into(40 * 21);
        std::vector<std::span<std::byte>> places;
        for (std::size_t index = 0; index < 40; ++index) {
            places.emplace_back();
            places.push_back(std::span(into).subspan(index * 21, 21));
        }
        std::array<std::byte, 1> first{};
        EXPECT_EQ(server.read_exactly(first), 1u);
        // All of it is there; one read_some takes it in three system calls and leaves nothing behind.
        EXPECT_TRUE(test::eventually([socket = server.native_handle()] {
            u_long ready = 0;
            ::ioctlsocket(socket, FIONREAD, &ready);
            return ready == 40 * 41 / 2 - 1;
        }));
        EXPECT_EQ(server.read_some(places), data.size() - 1);
        EXPECT_EQ(test::matching(std::span(into).first(data.size() - 1), 1), data.size() - 1);
        std::error_code error;
        EXPECT_EQ(server.read_some(places, 1ms, error), 0u);
        EXPECT_EQ(error, std::errc::timed_out);
    });
}

// Somebody else reads the rest between two calls of one read_some. What the first call took is neither lost nor kept
// until more comes.
TEST_P(tcp_stream_on, a_scatter_read_returns_what_it_has_when_another_reader_was_faster) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        constexpr std::size_t size = 10;
        constexpr std::size_t in_one_call = 16 * size;
        constexpr std::size_t all = 20 * size;
        client.write(test::make_bytes(all));
        ASSERT_TRUE(test::eventually([&accepted = server] {
            u_long at_hand = 0;
            return ::ioctlsocket(accepted.native_handle(), FIONREAD, &at_hand) == 0 && at_hand == all;
        }));
        std::vector<std::byte> data(all);
        std::vector<std::span<std::byte>> places;
        for (std::size_t index = 0; index < all; index += size) {
            places.push_back(std::span(data).subspan(index, size));
        }
        std::error_code error;
        std::size_t count = 0;
        int stolen = 0;
        std::chrono::steady_clock::duration taken{};
        {
            test::adversary system(1); // leaves real sockets to the system
            system.before_submission([&](SOCKET) {
                system.before_submission([&](SOCKET socket) {
                    std::array<char, all> other{};
                    stolen = ::recv(socket, other.data(), all, 0);
                });
            });
            const auto begin = std::chrono::steady_clock::now();
            count = server.read_some(places, 60s, error);
            taken = std::chrono::steady_clock::now() - begin;
        }
        EXPECT_EQ(stolen, static_cast<int>(all - in_one_call));
        EXPECT_EQ(count, in_one_call);
        EXPECT_FALSE(error) << error.message();
        EXPECT_EQ(test::matching(std::span(data).first(count), 0), count);
        EXPECT_LT(taken, 30s);

        client.write(test::make_bytes(7, all));
        EXPECT_EQ(server.read_some(std::span(data)), 7u);
        EXPECT_EQ(test::matching(std::span(data).first(7), all), 7u);
    });
}

TEST_P(tcp_stream_on, gathers_megabytes_through_short_sends) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        static constexpr std::size_t size = 3'000'000;
        auto reader = spawn([from = &server] {
            std::vector<std::byte> all(size);
            EXPECT_EQ(from->read_exactly(all), size);
            EXPECT_EQ(test::matching(all, 0), size);
        });
        const auto data = test::make_bytes(size);
        std::vector<std::span<const std::byte>> parts;
        for (std::size_t used = 0; used < size; used += 100'000) {
            parts.push_back(std::span(data).subspan(used, 100'000));
        }
        EXPECT_EQ(client.write(parts), size);
        reader.join();
    });
}

TEST_P(tcp_stream_on, wait_readable_waits_for_data_and_takes_none) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        std::error_code error;
        server.wait_readable(2ms, error);
        EXPECT_EQ(error, std::errc::timed_out);
        auto waiting = spawn([from = &server] { from->wait_readable(20s); });
        this_coroutine::yield();
        EXPECT_FALSE(waiting.done());
        client.write(test::make_bytes(5));
        waiting.join();
        server.wait_readable(20s);
        std::array<std::byte, 10> buffer{};
        EXPECT_EQ(server.read_some(buffer), 5u);
    });
}

TEST_P(tcp_stream_on, two_hundred_connections_talk_at_once) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        auto server = spawn([&listener] {
            std::vector<join_handle<void>> sessions;
            for (;;) {
                std::error_code error;
                tcp_stream peer = listener.accept({}, error);
                if (error) {
                    break;
                }
                sessions.push_back(spawn(
                    [](tcp_stream own) {
                        std::array<std::byte, 512> buffer;
                        while (const std::size_t count = own.read_some(buffer)) {
                            own.write(std::span(buffer).first(count));
                        }
                    },
                    std::move(peer)));
            }
            for (auto& each : sessions) {
                each.join();
            }
        });
        std::vector<join_handle<void>> clients;
        for (std::uint32_t number = 0; number < 200; ++number) {
            clients.push_back(spawn([remote = listener.local_endpoint(), number] {
                tcp_stream stream = tcp_stream::connect(remote, 30s);
                for (std::uint64_t round = 0; round < 5; ++round) {
                    std::array<std::byte, 300> buffer{};
                    stream.write(test::make_bytes(buffer.size(), round * 300, number));
                    stream.read_exactly(buffer, 30s);
                    ASSERT_EQ(test::matching(buffer, round * 300, number), buffer.size());
                }
            }));
        }
        for (auto& each : clients) {
            each.join();
        }
        listener.close();
        server.join();
    });
}

TEST_P(tcp_stream_on, options_reach_the_socket) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        const auto option = [socket = static_cast<SOCKET>(client.native_handle())](int level, int name) {
            int value = 0;
            int length = sizeof value;
            EXPECT_EQ(::getsockopt(socket, level, name, reinterpret_cast<char*>(&value), &length), 0);
            return value;
        };
        client.set_no_delay(true);
        EXPECT_NE(option(IPPROTO_TCP, TCP_NODELAY), 0);
        client.set_no_delay(false);
        EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 0);
        client.set_keep_alive({.idle = 10s, .interval = 2s});
        EXPECT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0);
        client.set_receive_buffer_size(32 * 1024);
        EXPECT_GE(option(SOL_SOCKET, SO_RCVBUF), 32 * 1024);
        client.set_send_buffer_size(16 * 1024);
        EXPECT_GE(option(SOL_SOCKET, SO_SNDBUF), 16 * 1024);
    });
}

TEST_P(tcp_stream_on, a_moved_stream_goes_on_elsewhere) {
    running.run([] {
        auto [client, server] = test::make_tcp_pair();
        tcp_stream elsewhere = std::move(server);
        EXPECT_FALSE(server.is_open()); // NOLINT: what a move leaves is part of the contract
        std::array<std::byte, 1> buffer{};
        std::error_code error;
        server.read_some(buffer, {}, error); // NOLINT
        EXPECT_EQ(error, std::errc::not_connected);
        client.write(buffer);
        EXPECT_EQ(elsewhere.read_some(buffer), 1u);
        elsewhere = std::move(client); // closes what it had
        EXPECT_TRUE(elsewhere.is_open());
        EXPECT_EQ(elsewhere.read_some(buffer), 0u);
    });
}

TEST(tcp_stream, never_connected_reports_so_everywhere) {
    test::in_runtime(1, [] {
        tcp_stream none;
        std::array<std::byte, 1> buffer{};
        const std::array<std::span<std::byte>, 1> places{buffer};
        const std::array<std::span<const std::byte>, 1> parts{buffer};
        std::vector<std::error_code> errors;
        const auto ask = [&errors](auto&& call) { call(errors.emplace_back()); };
        ask([&](auto& error) { none.read_some(buffer, {}, error); });
        ask([&](auto& error) { none.read_some(places, {}, error); });
        ask([&](auto& error) { none.read_exactly(buffer, {}, error); });
        ask([&](auto& error) { none.write(buffer, {}, error); });
        ask([&](auto& error) { none.write(parts, {}, error); });
        ask([&](auto& error) { none.wait_readable({}, error); });
        ask([&](auto& error) { none.shutdown(shutdown_side::both, error); });
        ask([&](auto& error) { none.set_no_delay(true, error); });
        ask([&](auto& error) { none.set_keep_alive({}, error); });
        ask([&](auto& error) { none.set_receive_buffer_size(1, error); });
        ask([&](auto& error) { none.set_send_buffer_size(1, error); });
        for (const std::error_code& each : errors) {
            EXPECT_EQ(each, std::errc::not_connected);
        }
        EXPECT_THROW(static_cast<void>(none.local_endpoint()), std::system_error);
        EXPECT_THROW(static_cast<void>(none.remote_endpoint()), std::system_error);
        EXPECT_EQ(none.native_handle(), INVALID_SOCKET);
        EXPECT_FALSE(none.is_open());
        none.set_deadline(wait_limit::time_point());
        none.close();
        none.reset();
    });
}

TEST(tcp_stream, belongs_to_its_runtime) {
    runtime first(test::with_workers(1));
    runtime second(test::with_workers(1));
    auto pair = first.run([] { return test::make_tcp_pair(); });
    std::array<std::byte, 1> buffer{};
    std::error_code error;
    pair.client.write(buffer, {}, error);
    EXPECT_EQ(error, std::errc::operation_not_permitted) << "a plain thread";
    second.run([&] { pair.client.write(buffer, {}, error); });
    EXPECT_EQ(error, std::errc::operation_not_permitted) << "another runtime";
    first.run([&] { pair.client.write(buffer, {}, error); });
    EXPECT_FALSE(error);
    EXPECT_TRUE(pair.server.local_endpoint().is_loopback()) << "what does not wait may be asked anywhere";
}

} // namespace
} // namespace moor
