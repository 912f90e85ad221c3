// Groups of udp_socket (multicast), over both families on real sockets.
//
// What a group reaches depends on the machine: where nothing can be sent to one, the test says so and goes on with
// joining and leaving. Wine 8 does not take an index for an IPv4 interface, so IPv4's are named by address.
#include <moor/udp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/runtime.hpp>

#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::in_runtime;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text(std::span<const std::byte> data, const received_datagram& received) {
    return {reinterpret_cast<const char*>(data.data()), received.bytes};
}

class udp_groups_on : public testing::TestWithParam<address_family> {
protected:
    static bool ipv4() { return GetParam() == address_family::ipv4; }
    static endpoint here() { return endpoint::loopback(GetParam(), 0); }
    // A group that nobody else uses, on this machine only.
    static endpoint group(std::uint16_t port) {
        return ipv4() ? endpoint("239.255.77.3", port) : endpoint("ff01::7703", port);
    }
    static local_interface loopback() {
        return ipv4() ? local_interface{0, here()} : local_interface{1, {}}; // 1: on Windows and Linux
    }
};
INSTANTIATE_TEST_SUITE_P(family, udp_groups_on, testing::Values(address_family::ipv4, address_family::ipv6),
                         [](const testing::TestParamInfo<address_family>& tested) {
                             return std::string(tested.param == address_family::ipv4 ? "ipv4" : "ipv6");
                         });

TEST_P(udp_groups_on, members_hear_what_is_sent_to_it) {
    in_runtime(1, [] {
        auto member = udp_socket::bind(endpoint::any(GetParam(), 0));
        const endpoint everybody = group(member.local_endpoint().port());
        member.join_group(everybody, loopback());
        member.set_report_destination(true);
        member.set_multicast_loop(true);
        auto speaker = udp_socket::bind(endpoint::any(GetParam(), 0));
        speaker.set_multicast_interface(loopback());
        speaker.set_multicast_loop(true);
        speaker.set_multicast_hop_limit(1);
        std::error_code error;
        speaker.send_to(bytes("all of you"), everybody, {}, error);
        if (error == std::errc::network_unreachable || error == std::errc::address_not_available) {
            std::printf("[ groups   ] this machine sends nothing to %s\n", everybody.to_string().c_str());
        } else {
            ASSERT_FALSE(error) << error.message();
            std::array<std::byte, 64> buffer;
            const auto received = member.receive_message(buffer, 10s);
            EXPECT_EQ(text(buffer, received), "all of you");
            EXPECT_EQ(received.destination, group(0));
        }
        member.leave_group(everybody, loopback());
        // Whoever has left hears no more, only what is sent to him.
        speaker.send_to(bytes("all of you"), everybody, {}, error);
        speaker.send_to(bytes("you"), endpoint::loopback(GetParam(), everybody.port()));
        std::array<std::byte, 64> buffer;
        EXPECT_EQ(text(buffer, member.receive_message(buffer, 10s)), "you");
    });
}

TEST_P(udp_groups_on, are_joined_and_left_once) {
    in_runtime(1, [] {
        auto member = udp_socket::bind(endpoint::any(GetParam(), 0));
        std::error_code error;
        member.leave_group(group(0), loopback(), error);
        EXPECT_TRUE(error) << "left without being joined";
        member.join_group(group(0), loopback(), error);
        EXPECT_FALSE(error) << error.message();
        member.join_group(group(0), loopback(), error);
        EXPECT_TRUE(error == std::errc::address_in_use || error == std::errc::invalid_argument) << error.message();
        member.leave_group(group(0), loopback(), error);
        EXPECT_FALSE(error) << error.message();
        EXPECT_THROW(member.leave_group(group(0), loopback()), std::system_error);
    });
}

TEST_P(udp_groups_on, that_are_none_are_refused) {
    in_runtime(1, [] {
        auto member = udp_socket::bind(endpoint::any(GetParam(), 0));
        std::error_code error;
        member.join_group(here(), loopback(), error);
        EXPECT_TRUE(error == std::errc::invalid_argument || error == std::errc::address_not_available)
            << error.message();
        const auto wrong = ipv4() ? endpoint("ff01::1", 0) : endpoint("239.255.77.3", 0);
        member.join_group(wrong, {}, error);
        EXPECT_EQ(error, std::errc::invalid_argument);
        EXPECT_EQ(error.category(), moor_category());
        const local_interface both{1, endpoint::loopback(address_family::ipv4, 0)};
        for (const bool joins : {true, false}) {
            if (joins) {
                member.join_group(group(0), both, error);
            } else {
                member.set_multicast_interface(both, error);
            }
            EXPECT_EQ(error, std::errc::invalid_argument);
            EXPECT_EQ(error.category(), moor_category());
        }
    });
}

// An interface that is not there: whatever the system says, it is not passed over.
TEST_P(udp_groups_on, interfaces_that_are_not_there_are_refused) {
    in_runtime(1, [] {
        auto member = udp_socket::bind(endpoint::any(GetParam(), 0));
        std::error_code error;
        member.join_group(group(0), {.index = 0x00fffffe}, error);
        EXPECT_TRUE(error);
        member.set_multicast_interface({.index = 0x00fffffe}, error);
        EXPECT_TRUE(error);
    });
}

} // namespace
} // namespace moor
