// UDP sockets as their users know them, over both families on real sockets.
#include <moor/udp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/adversary.hpp"
#include "support/run.hpp"
#include "win/system_calls.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::adversary;
using test::in_runtime;
using test::scripted_end;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text(std::span<const std::byte> data, const received_datagram& received) {
    return {reinterpret_cast<const char*>(data.data()), received.bytes};
}

class udp_socket_on : public testing::TestWithParam<address_family> {
protected:
    static endpoint here() { return endpoint::loopback(GetParam(), 0); }
};
INSTANTIATE_TEST_SUITE_P(family, udp_socket_on, testing::Values(address_family::ipv4, address_family::ipv6),
                         [](const testing::TestParamInfo<address_family>& tested) {
                             return std::string(tested.param == address_family::ipv4 ? "ipv4" : "ipv6");
                         });

TEST_P(udp_socket_on, answers_whoever_sent) {
    in_runtime(1, [] {
        auto server = udp_socket::bind(here());
        auto client = udp_socket::bind(here());
        auto serving = spawn([&] {
            std::array<std::byte, 100> buffer;
            for (int round = 0; round < 50; ++round) {
                const auto received = server.receive_from(buffer, 10s);
                server.send_to(std::span(buffer).first(received.bytes), received.sender);
            }
        });
        std::array<std::byte, 100> buffer;
        for (int round = 0; round < 50; ++round) {
            const std::string sent = "message " + std::to_string(round);
            client.send_to(bytes(sent), server.local_endpoint());
            const auto received = client.receive_from(buffer, 10s);
            EXPECT_EQ(text(buffer, received), sent);
            EXPECT_EQ(received.sender, server.local_endpoint());
            EXPECT_FALSE(received.truncated);
        }
        serving.join();
    });
}

TEST_P(udp_socket_on, receives_empty_and_truncated_datagrams) {
    in_runtime(1, [] {
        auto one = udp_socket::bind(here());
        auto other = udp_socket::bind(here());
        one.send_to({}, other.local_endpoint());
        one.send_to(bytes("cut short"), other.local_endpoint());
        one.send_to(bytes("cut"), other.local_endpoint());
        std::array<std::byte, 3> buffer;
        auto received = other.receive_from(buffer, 10s);
        EXPECT_EQ(received.bytes, 0u);
        EXPECT_FALSE(received.truncated);
        EXPECT_EQ(received.sender, one.local_endpoint());
        received = other.receive_from(buffer, 10s);
        EXPECT_EQ(text(buffer, received), "cut");
        EXPECT_TRUE(received.truncated);
        EXPECT_EQ(received.sender, one.local_endpoint());
        received = other.receive_from(buffer, 10s);
        EXPECT_EQ(text(buffer, received), "cut");
        EXPECT_FALSE(received.truncated);
    });
}

TEST_P(udp_socket_on, with_a_default_peer_hears_nobody_else) {
    in_runtime(1, [] {
        auto one = udp_socket::bind(here());
        auto peer = udp_socket::bind(here());
        auto stranger = udp_socket::bind(here());
        std::error_code error;
        one.send(bytes("to whom?"), {}, error);
        EXPECT_EQ(error, std::errc::not_connected);
        one.connect(peer.local_endpoint());
        one.send(bytes("hello"));
        std::array<std::byte, 10> buffer;
        EXPECT_EQ(text(buffer, peer.receive_from(buffer, 10s)), "hello");
        stranger.send_to(bytes("no"), one.local_endpoint());
        peer.send_to(bytes("yes"), one.local_endpoint());
        EXPECT_EQ(text(buffer, one.receive_from(buffer, 10s)), "yes");
    });
}

TEST_P(udp_socket_on, goes_on_after_a_closed_port) {
    in_runtime(1, [] {
        for (const bool reported : {false, true}) {
            auto one = udp_socket::bind(here(), {.report_unreachable = reported});
            auto other = udp_socket::bind(here());
            const endpoint closed = udp_socket::bind(here()).local_endpoint();
            std::array<std::byte, 10> buffer;
            one.send_to(bytes("anybody?"), closed);
            this_coroutine::sleep_for(5ms); // for the answer to come
            other.send_to(bytes("here"), one.local_endpoint());
            std::error_code error;
            auto received = one.receive_from(buffer, 10s, error);
            if (error && reported) {
                EXPECT_EQ(error, std::errc::connection_reset);
                received = one.receive_from(buffer, 10s, error);
            }
            EXPECT_FALSE(error) << error.message();
            EXPECT_EQ(text(buffer, received), "here");
        }
    });
}

// Of a default peer's closed port Windows tells a receiving call, Wine 8 the next one that sends (and forgets what
// comes while a call waits to receive).
TEST_P(udp_socket_on, with_a_default_peer_goes_on_after_a_closed_port) {
    in_runtime(1, [] {
        for (const bool reported : {false, true}) {
            auto one = udp_socket::bind(here(), {.report_unreachable = reported});
            one.connect(udp_socket::bind(here()).local_endpoint());
            std::array<std::byte, 10> buffer;
            std::error_code received;
            std::error_code sent;
            one.send(bytes("anybody?"));
            this_coroutine::sleep_for(5ms); // for the answer to come
            one.send(bytes("still nobody?"), {}, sent);
            static_cast<void>(one.receive_from(buffer, 5ms, received));
            const auto tells = [](const std::error_code& error) {
                return error == std::errc::connection_reset || error == std::errc::connection_refused;
            };
            if (reported) {
                EXPECT_TRUE(tells(received) || tells(sent)) << received.message() << ", " << sent.message();
            } else {
                EXPECT_EQ(received, std::errc::timed_out) << received.message();
                EXPECT_FALSE(sent) << sent.message();
            }
        }
    });
}

// The same reports from a system that makes them of every socket, as Windows does, three of them in a row.
TEST_P(udp_socket_on, passes_over_reports_of_earlier_datagrams) {
    static int reports;
    static int number;
    win::system_calls table;
    table.receive_from = [](SOCKET socket, WSABUF* buffers, DWORD count, DWORD* bytes, DWORD* flags, sockaddr* from,
                            int* length, OVERLAPPED* overlapped,
                            LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept -> int {
        if (reports-- > 0) {
            ::WSASetLastError(number);
            return SOCKET_ERROR;
        }
        return win::real_system_calls.receive_from(socket, buffers, count, bytes, flags, from, length, overlapped,
                                                   routine);
    };
    table.send_to = [](SOCKET socket, WSABUF* buffers, DWORD count, DWORD* bytes, DWORD flags, const sockaddr* to,
                       int length, OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept -> int {
        if (reports-- > 0) {
            ::WSASetLastError(number);
            return SOCKET_ERROR;
        }
        return win::real_system_calls.send_to(socket, buffers, count, bytes, flags, to, length, overlapped, routine);
    };
    in_runtime(1, [&] {
        for (const int error_number : {WSAECONNRESET, WSAENETRESET}) {
            number = error_number;
            for (const bool reported : {false, true}) {
                auto one = udp_socket::bind(here(), {.report_unreachable = reported});
                const win::replaced_system_calls replaced(table);
                std::error_code error;
                std::array<std::byte, 10> buffer;
                reports = 3;
                one.send_to(bytes("to myself"), one.local_endpoint(), {}, error);
                EXPECT_EQ(static_cast<bool>(error), reported);
                reports = 0;
                if (reported) {
                    one.send_to(bytes("to myself"), one.local_endpoint());
                }
                reports = 3;
                auto received = one.receive_from(buffer, 10s, error);
                EXPECT_EQ(static_cast<bool>(error), reported);
                if (reported) {
                    EXPECT_EQ(error, number == WSAENETRESET ? std::errc::network_reset : std::errc::connection_reset);
                    reports = 0;
                    received = one.receive_from(buffer, 10s, error);
                }
                EXPECT_EQ(text(buffer, received), "to myself");
            }
        }
    });
}

// Whatever the network answered, and by whichever status: a receive did not ask. What is of the socket it reports.
TEST_P(udp_socket_on, passes_over_whatever_became_of_earlier_datagrams) {
    constexpr std::uint32_t answers[] = {
        0xC000023F, // STATUS_PORT_UNREACHABLE
        0xC000023E, // STATUS_PROTOCOL_UNREACHABLE
        0xC000023D, // STATUS_HOST_UNREACHABLE
        0xC000023C, // STATUS_NETWORK_UNREACHABLE
        0xC000020D, // STATUS_CONNECTION_RESET
        0xC0000236, // STATUS_CONNECTION_REFUSED
        0xC000A012, // STATUS_HOPLIMIT_EXCEEDED
        0xC0000350, // STATUS_HOST_DOWN
        0xC0000022, // STATUS_ACCESS_DENIED: administratively prohibited
        0xC0000999, // nobody's
    };
    constexpr std::uint32_t own[] = {
        0xC000009A, // STATUS_INSUFFICIENT_RESOURCES
        0xC0000005, // STATUS_ACCESS_VIOLATION
    };
    in_runtime(1, [&] {
        for (const bool reported : {false, true}) {
            adversary system(1);
            auto one = udp_socket::bind(here(), {.report_unreachable = reported});
            auto other = udp_socket::bind(here());
            std::array<std::byte, 10> buffer;
            std::error_code error;
            const auto receive = [&](std::uint32_t status, bool with_message) {
                system.script(with_message ? adversary::kind::receive_message : adversary::kind::receive_from,
                              scripted_end::fails_later(static_cast<std::int32_t>(status)));
                other.send_to(bytes("here"), one.local_endpoint());
                return with_message ? one.receive_message(buffer, 10s, error) : one.receive_from(buffer, 10s, error);
            };
            for (const bool with_message : {false, true}) {
                for (const std::uint32_t status : answers) {
                    const auto received = receive(status, with_message);
                    EXPECT_EQ(static_cast<bool>(error), reported) << std::hex << status << ": " << error.message();
                    EXPECT_EQ(received.bytes, reported ? 0u : 4u) << std::hex << status;
                    if (reported) {
                        EXPECT_EQ(one.receive_from(buffer, 10s).bytes, 4u);
                    }
                }
                for (const std::uint32_t status : own) {
                    static_cast<void>(receive(status, with_message));
                    EXPECT_TRUE(error) << std::hex << status;
                    EXPECT_EQ(one.receive_from(buffer, 10s).bytes, 4u);
                }
            }
        }
    });
}

TEST_P(udp_socket_on, goes_slowly_while_every_receive_fails) {
    in_runtime(1, [] {
        adversary system(1);
        for (int count = 0; count < 20'000; ++count) {
            system.script(adversary::kind::receive_from, scripted_end::fails_at_once(WSAECONNRESET));
        }
        auto one = udp_socket::bind(here());
        std::array<std::byte, 10> buffer;
        std::error_code error;
        static_cast<void>(one.receive_from(buffer, 50ms, error));
        EXPECT_EQ(error, std::errc::timed_out) << error.message();
        EXPECT_LT(system.calls(adversary::kind::receive_from), 1'500u) << "256, and 16 a millisecond";
    });
}

// A datagram that is leaving may lack a route itself.
TEST_P(udp_socket_on, reports_what_a_send_may_have_met_itself) {
    in_runtime(1, [] {
        adversary system(1);
        auto one = udp_socket::bind(here());
        for (const int number : {WSAENETUNREACH, WSAEHOSTUNREACH, WSAEACCES, WSAEADDRNOTAVAIL, WSAENOBUFS}) {
            system.script(adversary::kind::send_to, scripted_end::fails_at_once(static_cast<std::uint32_t>(number)));
            std::error_code error;
            one.send_to(bytes("out"), one.local_endpoint(), {}, error);
            EXPECT_EQ(error.value(), number);
        }
    });
}

// ::ffff:a.b.c.d and a.b.c.d are one address to a socket of either kind, and no address in particular is this host.
TEST(udp_socket, takes_mapped_addresses_and_none_in_particular) {
    in_runtime(1, [] {
        auto plain = udp_socket::bind(endpoint("::ffff:127.0.0.1", 0));
        EXPECT_EQ(plain.local_endpoint().family(), address_family::ipv4);
        const std::uint16_t port = plain.local_endpoint().port();
        std::array<std::byte, 10> buffer;
        const auto reaches_plain = [&](udp_socket& from, const endpoint& by) {
            std::error_code error;
            from.send_to(bytes("one"), by, 10s, error);
            EXPECT_FALSE(error) << by.to_string() << ": " << error.message();
            from.send_message(bytes("two"), by, {}, 10s, error);
            EXPECT_FALSE(error) << by.to_string() << ": " << error.message();
            from.connect(by, error);
            EXPECT_FALSE(error) << by.to_string() << ": " << error.message();
            from.send(bytes("three"), 10s, error);
            EXPECT_FALSE(error) << by.to_string() << ": " << error.message();
            for (const char* const expected : {"one", "two", "three"}) {
                EXPECT_EQ(text(buffer, plain.receive_from(buffer, 10s)), expected) << by.to_string();
            }
        };
        const char* const forms[] = {"127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::ffff:0.0.0.0"};
        for (const char* const address : forms) {
            auto four = udp_socket::bind(endpoint::any(address_family::ipv4, 0));
            reaches_plain(four, endpoint(address, port));
            std::error_code error;
            auto both = udp_socket::bind(endpoint::any(address_family::ipv6, 0), {.dual_stack = true}, error);
            if (both.is_open()) {
                reaches_plain(both, endpoint(address, port));
            }
        }
    });
}

TEST_P(udp_socket_on, limits_stops_and_closing_end_a_wait) {
    in_runtime(2, [] {
        auto socket = udp_socket::bind(here());
        std::array<std::byte, 10> buffer;
        std::error_code error;
        static_cast<void>(socket.receive_from(buffer, 3ms, error));
        EXPECT_EQ(error, std::errc::timed_out);
        socket.set_deadline(std::chrono::steady_clock::now() + 3ms);
        static_cast<void>(socket.receive_from(buffer, {}, error));
        EXPECT_EQ(error, std::errc::timed_out);
        socket.set_deadline(std::chrono::steady_clock::time_point::max());

        std::stop_source source;
        auto stopper = spawn([&] {
            this_coroutine::sleep_for(3ms);
            source.request_stop();
        });
        static_cast<void>(socket.receive_from(buffer, source.get_token(), error));
        EXPECT_EQ(error, std::errc::operation_canceled);
        stopper.join();

        auto waiting = spawn([&] {
            std::array<std::byte, 10> own;
            std::error_code closed;
            static_cast<void>(socket.receive_from(own, {}, closed));
            return closed;
        });
        this_coroutine::sleep_for(3ms);
        EXPECT_TRUE(socket.is_open());
        socket.close();
        EXPECT_EQ(waiting.join(), std::errc::operation_canceled);
        EXPECT_FALSE(socket.is_open());
        socket.send_to(bytes("late"), here(), {}, error);
        EXPECT_EQ(error, std::errc::operation_canceled);
    });
}

// Each datagram goes to one of the receivers, and to one alone.
TEST_P(udp_socket_on, many_coroutines_receive_at_a_time) {
    in_runtime(2, [] {
        constexpr int receivers = 8;
        constexpr int rounds = 50;
        auto shared = udp_socket::bind(here());
        auto sender = udp_socket::bind(here());
        std::vector<join_handle<std::vector<std::string>>> running;
        for (int number = 0; number < receivers; ++number) {
            running.push_back(spawn([&] {
                std::vector<std::string> got;
                std::array<std::byte, 100> buffer;
                for (int round = 0; round < rounds; ++round) {
                    got.push_back(text(buffer, shared.receive_from(buffer, 20s)));
                }
                return got;
            }));
        }
        for (int number = 0; number < receivers * rounds; ++number) {
            sender.send_to(bytes(std::to_string(number)), shared.local_endpoint());
            if (number % 16 == 0) {
                this_coroutine::sleep_for(1ms); // the system drops what a full buffer cannot take
            }
        }
        std::multiset<std::string> all;
        for (auto& each : running) {
            for (std::string& got : each.join()) {
                all.insert(std::move(got));
            }
        }
        EXPECT_EQ(all.size(), static_cast<std::size_t>(receivers * rounds));
        for (int number = 0; number < receivers * rounds; ++number) {
            EXPECT_EQ(all.count(std::to_string(number)), 1u) << number;
        }
    });
}

TEST_P(udp_socket_on, refuses_what_is_too_long) {
    runtime running(test::with_workers(1));
    running.run([] {
        auto one = udp_socket::bind(here());
        auto other = udp_socket::bind(here());
        auto connected = udp_socket::bind(here());
        connected.connect(other.local_endpoint());
        const std::vector<std::byte> data(70'000);
        std::error_code error;
        one.send_to(data, other.local_endpoint(), {}, error);
        EXPECT_EQ(error, std::errc::message_size) << error.message();
        one.send_message(data, other.local_endpoint(), {}, {}, error);
        EXPECT_EQ(error, std::errc::message_size) << error.message();
        connected.send(data, {}, error);
        EXPECT_EQ(error, std::errc::message_size) << error.message();
        one.send_to(bytes("short"), other.local_endpoint());
        std::array<std::byte, 10> buffer;
        EXPECT_EQ(text(buffer, other.receive_from(buffer, 10s)), "short");
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u) << "a call had more than one packet";
}

// To the loopback network: it is there on every machine, and nobody outside is told.
TEST(udp_socket, broadcasts_only_when_told_to) {
    in_runtime(1, [] {
        auto socket = udp_socket::bind(endpoint::any(address_family::ipv4, 0));
        const endpoint everybody("127.255.255.255", 9);
        std::error_code error;
        socket.send_to(bytes("hear"), everybody, {}, error);
        EXPECT_EQ(error, std::errc::permission_denied) << error.message();
        socket.set_broadcast(true);
        socket.send_to(bytes("hear"), everybody, {}, error);
        EXPECT_FALSE(error) << error.message();
    });
}

TEST(udp_socket, that_is_not_open_says_so) {
    in_runtime(1, [] {
        udp_socket none;
        std::error_code error;
        std::array<std::byte, 1> buffer;
        static_cast<void>(none.receive_from(buffer, {}, error));
        EXPECT_EQ(error, std::errc::not_connected);
        none.send(buffer, {}, error);
        EXPECT_EQ(error, std::errc::not_connected);
        EXPECT_THROW(static_cast<void>(none.local_endpoint()), std::system_error);
        EXPECT_FALSE(none.is_open());
    });
    std::error_code error;
    static_cast<void>(udp_socket::bind(endpoint::loopback(address_family::ipv4, 0), {}, error));
    EXPECT_EQ(error, std::errc::operation_not_permitted) << "outside a coroutine";
}

TEST(udp_socket, binds_as_its_options_say) {
    in_runtime(1, [] {
        const auto first = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
        std::error_code error;
        static_cast<void>(udp_socket::bind(first.local_endpoint(), {}, error));
        EXPECT_TRUE(error == std::errc::address_in_use || error == std::errc::permission_denied) << error.message();
        const auto shared = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0), {.reuse_address = true});
        static_cast<void>(udp_socket::bind(shared.local_endpoint(), {.reuse_address = true}, error));
        EXPECT_FALSE(error) << error.message();
    });
}

} // namespace
} // namespace moor
