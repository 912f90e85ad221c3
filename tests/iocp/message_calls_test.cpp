// Messages through operations, on real sockets: data in several buffers, and what control messages say beside them.
//
// Wine 8 delivers control messages but passes over those that are sent with a datagram, and does not know the option
// for congestion marks by name. What a test wants from the system it sets by options that both know; what one of them
// may lack is looked at where it is there.
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "iocp/test_datagram_socket.hpp"
#include "support/run.hpp"

namespace moor::iocp {
namespace {

using namespace std::chrono_literals;
using datagram_socket = test_datagram_socket;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

bool set_option(const win::unique_socket& socket, int level, int option, DWORD value) {
    return ::setsockopt(socket.get(), level, option, reinterpret_cast<const char*>(&value), sizeof value) == 0;
}

class message_calls : public testing::TestWithParam<address_family> {
protected:
    static bool ipv4() { return GetParam() == address_family::ipv4; }
    static int level() { return ipv4() ? int{IPPROTO_IP} : int{IPPROTO_IPV6}; }
};
INSTANTIATE_TEST_SUITE_P(on, message_calls, testing::Values(address_family::ipv4, address_family::ipv6),
                         [](const testing::TestParamInfo<address_family>& tested) {
                             return std::string(tested.param == address_family::ipv4 ? "ipv4" : "ipv6");
                         });

TEST_P(message_calls, gather_and_scatter) {
    runtime running(test::with_workers(1));
    running.run([] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        for (int round = 0; round < 20; ++round) {
            auto sender = spawn([&, round] {
                if (round % 2 == 1) {
                    this_coroutine::sleep_for(2ms);
                }
                const std::array<std::span<const std::byte>, 3> parts{bytes("one "), bytes(""), bytes("datagram")};
                EXPECT_EQ(one.send_parts(parts, other.address, {}), 0u);
            });
            if (round % 2 == 0) {
                sender.join();
            }
            std::array<std::byte, 5> first{};
            std::array<std::byte, 64> second{};
            const std::array<std::span<std::byte>, 2> into{first, second};
            const auto got = other.receive_parts(into);
            EXPECT_EQ(got.error, 0u);
            EXPECT_EQ(got.text, "one datagram");
            EXPECT_EQ(got.sender, one.address);
            EXPECT_FALSE(got.details.local) << "nobody asked for it";
            EXPECT_FALSE(got.details.hop_limit);
            EXPECT_FALSE(got.details.congestion);
            if (sender.joinable()) {
                sender.join();
            }
        }
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u) << "a call had more than one packet";
}

TEST_P(message_calls, report_what_was_asked_for) {
    test::in_runtime(1, [] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        ASSERT_TRUE(set_option(other.socket, level(), ipv4() ? IP_PKTINFO : IPV6_PKTINFO, 1));
        ASSERT_TRUE(set_option(other.socket, level(), ipv4() ? IP_HOPLIMIT : IPV6_HOPLIMIT, 1));
        ASSERT_TRUE(set_option(one.socket, level(), ipv4() ? IP_TTL : IPV6_UNICAST_HOPS, 7));
        std::array<std::byte, 64> buffer{};
        const std::array<std::span<std::byte>, 1> into{buffer};
        for (const bool waits : {false, true}) {
            auto sender = spawn([&] {
                if (waits) {
                    this_coroutine::sleep_for(2ms);
                }
                EXPECT_EQ(one.send("look", other.address), 0u);
            });
            if (!waits) {
                sender.join();
            }
            const auto got = other.receive_parts(into);
            EXPECT_EQ(got.text, "look");
            EXPECT_EQ(got.details.local, endpoint::loopback(GetParam(), 0));
            ASSERT_TRUE(got.details.interface_index);
            EXPECT_NE(*got.details.interface_index, 0u);
            EXPECT_EQ(got.details.hop_limit, 7);
            if (sender.joinable()) {
                sender.join();
            }
        }
    });
}

TEST_P(message_calls, report_what_was_cut_short_once) {
    runtime running(test::with_workers(1));
    running.run([] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        ASSERT_TRUE(set_option(other.socket, level(), ipv4() ? IP_PKTINFO : IPV6_PKTINFO, 1));
        std::array<std::byte, 2> first{};
        std::array<std::byte, 2> second{};
        const std::array<std::span<std::byte>, 2> into{first, second};
        for (int round = 0; round < 20; ++round) {
            auto sender = spawn([&, round] {
                if (round % 2 == 1) {
                    this_coroutine::sleep_for(2ms);
                }
                EXPECT_EQ(one.send("much too long", other.address), 0u);
                EXPECT_EQ(one.send("fits", other.address), 0u);
            });
            if (round % 2 == 0) {
                sender.join();
            }
            const auto cut = other.receive_parts(into);
            EXPECT_EQ(cut.error, static_cast<std::uint32_t>(WSAEMSGSIZE));
            EXPECT_EQ(cut.text, "much");
            EXPECT_EQ(cut.sender, one.address);
            EXPECT_EQ(cut.details.local, endpoint::loopback(GetParam(), 0));
            const auto whole = other.receive_parts(into);
            EXPECT_EQ(whole.error, 0u);
            EXPECT_EQ(whole.text, "fits");
            EXPECT_EQ(whole.flags & MSG_TRUNC, 0u);
            if (sender.joinable()) {
                sender.join();
            }
        }
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u);
}

// A system that heeds what is sent with a datagram obeys; one that does not know it refuses, or passes it over as Wine
// does. In no case does anything else come of it.
TEST_P(message_calls, carry_the_sender_s_wishes) {
    test::in_runtime(1, [] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        ASSERT_TRUE(set_option(other.socket, level(), ipv4() ? IP_HOPLIMIT : IPV6_HOPLIMIT, 1));
        ASSERT_TRUE(set_option(one.socket, level(), ipv4() ? IP_TTL : IPV6_UNICAST_HOPS, 7));
        std::array<std::byte, 64> buffer{};
        const std::array<std::span<std::byte>, 1> into{buffer};
        const std::array<std::span<const std::byte>, 1> data{bytes("wish")};

        EXPECT_EQ(one.send_parts(data, other.address, {endpoint::loopback(GetParam(), 0), {}, {}, {}}), 0u);
        auto got = other.receive_parts(into);
        EXPECT_EQ(got.text, "wish");
        EXPECT_EQ(got.sender, one.address);

        const std::uint32_t error = one.send_parts(data, other.address, {{}, {}, 42, {}});
        if (error == 0) {
            got = other.receive_parts(into);
            EXPECT_EQ(got.text, "wish");
            EXPECT_TRUE(got.details.hop_limit == 42 || got.details.hop_limit == 7);
        } else {
            EXPECT_TRUE(error == WSAEINVAL || error == WSAEOPNOTSUPP) << error;
        }
    });
}

TEST_P(message_calls, end_by_cancellation) {
    test::in_runtime(1, [] {
        datagram_socket alone(GetParam());
        std::array<std::byte, 8> buffer{};
        const std::array<std::span<std::byte>, 1> into{buffer};
        ASSERT_EQ(receive_message(*alone.call, alone.socket, into), submission::pending);
        EXPECT_EQ(io::await(*alone.call, win::io_handle(alone.socket), wait_limit(5ms)),
                  detail::wake_reason::timed_out);
        EXPECT_EQ(alone.call->error(), static_cast<std::uint32_t>(ERROR_OPERATION_ABORTED));
        EXPECT_EQ(result_of(*alone.call, alone.socket).error, static_cast<std::uint32_t>(WSA_OPERATION_ABORTED));
    });
}

} // namespace
} // namespace moor::iocp
