#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "support/adversary.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "win/socket.hpp"
#include "win/system_calls.hpp"

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

int WSAAPI bind_as_chosen(SOCKET socket, const sockaddr* address, int length) {
    sockaddr_in chosen{};
    if (chosen_port != 0 && address->sa_family == AF_INET) {
        std::memcpy(&chosen, address, sizeof chosen);
        if (chosen.sin_port == 0) {
            chosen.sin_port = htons(std::exchange(chosen_port, std::uint16_t{0}));
            return win::real_system_calls.bind(socket, reinterpret_cast<const sockaddr*>(&chosen), sizeof chosen);
        }
    }
    return win::real_system_calls.bind(socket, address, length);
}

// A port to which its own socket connects: TCP's simultaneous opening, with itself.
TEST_P(connect_on, does_not_meet_itself) {
    const win::replaced_system_calls replaced({.bind = &bind_as_chosen});
    running.run([] {
        const endpoint nobody = deserted();
        chosen_port = nobody.port();
        std::error_code error;
        const tcp_stream stream = tcp_stream::connect(nobody, 30s, error);
        EXPECT_EQ(chosen_port, 0) << "chosen";
        EXPECT_FALSE(stream.is_open());
        EXPECT_EQ(error, std::errc::connection_refused) << error.message();
    });
}

// The same where the system chooses the port as late as it connects: until then the socket has port 0
// (SO_REUSE_UNICASTPORT), and the connection is looked at when it stands.
bool hide_next_name;

int WSAAPI name_without_port(SOCKET socket, sockaddr* address, int* length) {
    const int result = win::real_system_calls.local_name(socket, address, length);
    if (std::exchange(hide_next_name, false)) {
        reinterpret_cast<sockaddr_in*>(address)->sin_port = 0;
    }
    return result;
}

TEST_P(connect_on, does_not_meet_itself_by_a_port_that_is_chosen_late) {
    const win::replaced_system_calls replaced({.bind = &bind_as_chosen, .local_name = &name_without_port});
    running.run([] {
        const endpoint nobody = deserted();
        chosen_port = nobody.port();
        hide_next_name = true;
        std::error_code error;
        const tcp_stream stream = tcp_stream::connect(nobody, 30s, error);
        EXPECT_EQ(chosen_port, 0) << "chosen";
        EXPECT_FALSE(hide_next_name) << "hidden";
        EXPECT_FALSE(stream.is_open());
        EXPECT_EQ(error, std::error_code(WSAECONNREFUSED, winsock_category())) << error.message();

        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        hide_next_name = true;
        EXPECT_TRUE(tcp_stream::connect(listener.local_endpoint(), 30s, error).is_open()) << "met somebody else";
        EXPECT_FALSE(hide_next_name) << "hidden";
    });
}

// What the system is told of a socket before it connects.
struct told {
    std::vector<int> options;
    std::vector<DWORD> controls;
};
told last_told;
DWORD build_number;

int WSAAPI note_option(SOCKET socket, int level, int option, const char* value, int size) {
    last_told.options.push_back(option);
    return win::real_system_calls.set_option(socket, level, option, value, size);
}

int WSAAPI note_control(SOCKET socket, DWORD code, void* in, DWORD in_size, void* out, DWORD out_size, DWORD* bytes,
                        WSAOVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    last_told.controls.push_back(code);
    return win::real_system_calls.control(socket, code, in, in_size, out, out_size, bytes, overlapped, routine);
}

LONG WINAPI note_version(RTL_OSVERSIONINFOW* information) {
    information->dwMajorVersion = 10;
    information->dwBuildNumber = build_number;
    return 0;
}

TEST_P(connect_on, shares_ports_and_does_not_repeat_a_refused_local_request) {
    constexpr int reuse_unicast_port = 0x3007;
    constexpr DWORD initial_rto = _WSAIOW(IOC_VENDOR, 17);
    running.run([] { // before anything is replaced: what the process asks once
        const tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        static_cast<void>(tcp_stream::connect(listener.local_endpoint(), 30s));
    });
    const win::replaced_system_calls replaced(
        {.control = &note_control, .set_option = &note_option, .version = &note_version});
    running.run([&] {
        adversary system(1);
        const auto told_of = [&system](const endpoint& remote, DWORD build) {
            build_number = build;
            last_told = {};
            system.script(adversary::kind::connect, scripted_end::fails_at_once(WSAECONNREFUSED));
            std::error_code error;
            static_cast<void>(tcp_stream::connect(remote, {}, error));
            return last_told;
        };
        for (const char* const address : {"127.0.0.1", "127.8.9.10", "::ffff:127.0.0.1", "0.0.0.0"}) {
            const told local = told_of(endpoint(address, 9), 19045);
            EXPECT_EQ(local.options, std::vector<int>{reuse_unicast_port}) << address;
            EXPECT_EQ(local.controls, std::vector<DWORD>{initial_rto}) << address;
        }
        const told distant = told_of(endpoint("192.0.2.1", 9), 19045);
        EXPECT_EQ(distant.options, std::vector<int>{reuse_unicast_port});
        EXPECT_EQ(distant.controls, std::vector<DWORD>{});
        EXPECT_EQ(told_of(endpoint("127.0.0.1", 9), 14393).controls, std::vector<DWORD>{})
            << "that system would take it for 254 more requests";
    });
}

TEST_P(connect_on, takes_mapped_addresses_and_none_in_particular) {
    running.run([] {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        const std::uint16_t port = listener.local_endpoint().port();
        for (const char* const address : {"::ffff:127.0.0.1", "0.0.0.0", "::ffff:0.0.0.0"}) {
            std::error_code error;
            const tcp_stream stream = tcp_stream::connect(endpoint(address, port), 30s, error);
            ASSERT_TRUE(stream.is_open()) << address << ": " << error.message();
            EXPECT_EQ(stream.remote_endpoint(), listener.local_endpoint()) << address;
        }
        std::error_code error;
        const tcp_listener six = tcp_listener::bind(endpoint::loopback(address_family::ipv6, 0), {}, error);
        if (!six.is_open()) {
            return; // no IPv6 here
        }
        const tcp_stream stream =
            tcp_stream::connect(endpoint::any(address_family::ipv6, six.local_endpoint().port()), 30s, error);
        ASSERT_TRUE(stream.is_open()) << error.message();
        EXPECT_EQ(stream.remote_endpoint(), six.local_endpoint());
    });
}

// A dual-stack server that calls its IPv4 peers back by the addresses that it knows them by.
TEST_P(connect_on, calls_back_whom_a_dual_stack_listener_has_accepted) {
    running.run([] {
        std::error_code error;
        tcp_listener both = tcp_listener::bind(endpoint::any(address_family::ipv6, 0), {.dual_stack = true}, error);
        if (!both.is_open()) {
            return; // no IPv6 here
        }
        tcp_listener home = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        const tcp_stream client = tcp_stream::connect(endpoint("127.0.0.1", both.local_endpoint().port()), 30s);
        const endpoint peer = both.accept(30s).remote_endpoint();
        EXPECT_TRUE(peer.is_mapped());
        EXPECT_TRUE(peer.is_loopback());
        const tcp_stream back =
            tcp_stream::connect(endpoint::from_ipv6(peer.address_bytes(), home.local_endpoint().port()), 30s, error);
        EXPECT_TRUE(back.is_open()) << error.message();
    });
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
        const tcp_stream stream = tcp_stream::connect(remotes, 6s, error);
        const auto taken = wait_limit::clock::now() - before;
        ASSERT_TRUE(stream.is_open()) << error.message();
        EXPECT_EQ(stream.remote_endpoint(), listener.local_endpoint());
        EXPECT_GE(taken, 3900ms) << "two seconds each";
        EXPECT_LT(taken, 6s);
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
