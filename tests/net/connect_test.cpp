#include <array>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "support/adversary.hpp"
#include "support/eventually.hpp"
#include "support/imports.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "win/socket.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::adversary;
using test::scripted_end;

// A port on which nobody listens: bound for a moment, then free.
endpoint deserted() {
    return tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0), {.outstanding_accepts = 1}).local_endpoint();
}

class connect_on : public testing::TestWithParam<unsigned> {
protected:
    void TearDown() override {
        EXPECT_TRUE(test::eventually([this] { return running.metrics().operations_in_use == 0; }));
    }

    runtime running{test::with_workers(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(workers, connect_on, testing::Values(1u, 2u));

TEST_P(connect_on, is_refused_where_nobody_listens) {
    running.run([] {
        std::error_code error;
        EXPECT_FALSE(tcp_stream::connect(deserted(), 30s, error).is_open());
        EXPECT_EQ(error, std::errc::connection_refused) << error.message();
        EXPECT_EQ(error.value(), WSAECONNREFUSED);
        EXPECT_THROW(static_cast<void>(tcp_stream::connect(deserted(), 30s)), std::system_error);
    });
}

// What the system's bind() answers the next time that it may choose the port.
std::uint16_t chosen_port;
decltype(&::bind) system_bind;

int WSAAPI bind_as_chosen(SOCKET socket, const sockaddr* address, int length) {
    sockaddr_in chosen{};
    if (chosen_port != 0 && address->sa_family == AF_INET) {
        std::memcpy(&chosen, address, sizeof chosen);
        if (chosen.sin_port == 0) {
            chosen.sin_port = htons(std::exchange(chosen_port, std::uint16_t{0}));
            return system_bind(socket, reinterpret_cast<const sockaddr*>(&chosen), sizeof chosen);
        }
    }
    return system_bind(socket, address, length);
}

// A port to which its own socket connects: TCP's simultaneous opening, with itself.
TEST_P(connect_on, does_not_meet_itself) {
    system_bind =
        reinterpret_cast<decltype(&::bind)>(test::replace_import("bind", reinterpret_cast<void*>(&bind_as_chosen)));
    running.run([] {
        const endpoint nobody = deserted();
        chosen_port = nobody.port();
        std::error_code error;
        const tcp_stream stream = tcp_stream::connect(nobody, 30s, error);
        EXPECT_EQ(chosen_port, 0) << "chosen";
        EXPECT_FALSE(stream.is_open());
        EXPECT_EQ(error, std::errc::connection_refused) << error.message();
    });
    test::replace_import("bind", reinterpret_cast<void*>(system_bind));
}

TEST(connect, works_in_coroutines_only) {
    std::error_code error;
    EXPECT_FALSE(tcp_stream::connect(endpoint("127.0.0.1", 1), {}, error).is_open());
    EXPECT_EQ(error, std::errc::operation_not_permitted);
}

TEST_P(connect_on, takes_the_first_address_that_answers) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        const std::array<endpoint, 3> remotes{deserted(), listener.local_endpoint(), deserted()};
        std::error_code error;
        const tcp_stream stream = tcp_stream::connect(remotes, 30s, error);
        ASSERT_TRUE(stream.is_open()) << error.message();
        EXPECT_FALSE(error);
        EXPECT_EQ(stream.remote_endpoint(), listener.local_endpoint());
    });
}

TEST_P(connect_on, reports_the_last_error_and_none_for_no_address) {
    running.run([] {
        const std::array<endpoint, 2> remotes{deserted(), deserted()};
        std::error_code error;
        EXPECT_FALSE(tcp_stream::connect(remotes, 30s, error).is_open());
        EXPECT_EQ(error, std::errc::connection_refused);
        EXPECT_FALSE(tcp_stream::connect(std::span<const endpoint>(), {}, error).is_open());
        EXPECT_EQ(error, std::errc::invalid_argument);
        EXPECT_THROW(static_cast<void>(tcp_stream::connect(std::span<const endpoint>())), std::system_error);
    });
}

TEST_P(connect_on, times_out_where_nothing_answers) {
    running.run([] {
        adversary system(1);
        system.script(adversary::kind::connect, scripted_end::waits_for_cancellation());
        std::error_code error;
        EXPECT_FALSE(tcp_stream::connect(endpoint("192.0.2.1", 9), 10ms, error).is_open());
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(system.pending(), 0u) << "cancelled and seen complete";
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
}

// A silent address takes its share of the time and no more.
TEST_P(connect_on, shares_the_time_among_the_addresses) {
    running.run([] {
        adversary system(1);
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        const endpoint silent("192.0.2.1", 9);
        const std::array<endpoint, 3> remotes{silent, silent, listener.local_endpoint()};
        system.script(adversary::kind::connect, scripted_end::waits_for_cancellation());
        system.script(adversary::kind::connect, scripted_end::waits_for_cancellation());
        const auto before = wait_limit::clock::now();
        std::error_code error;
        const tcp_stream stream = tcp_stream::connect(remotes, 3s, error);
        const auto taken = wait_limit::clock::now() - before;
        ASSERT_TRUE(stream.is_open()) << error.message();
        EXPECT_EQ(stream.remote_endpoint(), listener.local_endpoint());
        EXPECT_GE(taken, 1900ms) << "a second each";
        EXPECT_LT(taken, 3s);
    });
}

TEST_P(connect_on, a_stop_ends_it_whatever_addresses_are_left) {
    running.run([] {
        adversary system(1);
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        const std::array<endpoint, 2> remotes{endpoint("192.0.2.1", 9), listener.local_endpoint()};
        system.script(adversary::kind::connect, scripted_end::waits_for_cancellation());
        auto connecting = spawn([&remotes] {
            std::error_code error;
            EXPECT_FALSE(tcp_stream::connect(remotes, {}, error).is_open());
            return error;
        });
        EXPECT_TRUE(test::eventually([&system] { return system.calls(adversary::kind::connect) == 1; }));
        connecting.request_stop();
        EXPECT_EQ(connecting.join(), std::errc::operation_canceled);
        EXPECT_EQ(system.calls(adversary::kind::connect), 1u);
    });
}

TEST_P(connect_on, failures_come_under_winsocks_numbers) {
    running.run([] {
        adversary system(1);
        const endpoint remote("192.0.2.1", 9);
        std::error_code error;
        for (const int number : {WSAECONNREFUSED, WSAENETUNREACH, WSAEHOSTUNREACH, WSAETIMEDOUT, WSAEADDRNOTAVAIL,
                                 WSAEADDRINUSE, WSAENOBUFS, WSAEACCES, WSAENOTSOCK}) {
            system.script(adversary::kind::connect, scripted_end::fails_at_once(static_cast<std::uint32_t>(number)));
            EXPECT_FALSE(tcp_stream::connect(remote, {}, error).is_open());
            EXPECT_EQ(error, std::error_code(number, winsock_category()));
        }
        system.script(adversary::kind::connect, scripted_end::fails_later(static_cast<std::int32_t>(0xC0000236)));
        EXPECT_FALSE(tcp_stream::connect(remote, {}, error).is_open());
        EXPECT_EQ(error, std::error_code(WSAECONNREFUSED, winsock_category()));
        system.script(adversary::kind::connect, scripted_end::fails_later(static_cast<std::int32_t>(0xC00000B5)));
        EXPECT_FALSE(tcp_stream::connect(remote, {}, error).is_open());
        EXPECT_EQ(error, std::errc::timed_out);
    });
}

} // namespace
} // namespace moor
