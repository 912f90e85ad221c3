// Control messages as bytes: what is written is read again, and what a system might write is understood or passed over.
#include "iocp/packet_details.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#include <gtest/gtest.h>

#include "iocp/socket_address.hpp"

namespace moor::iocp {
namespace {

/// Writes messages as a system would, without the code that is tested.
struct system_side {
    kernel_parameters parameters;
    std::size_t used = 0;

    explicit system_side(const endpoint& sender) {
        to_sockaddr(sender, parameters.address);
        expect_details(parameters);
    }

    template <class Value>
    void deliver(int level, int type, const Value& value) {
        WSACMSGHDR header{};
        header.cmsg_len = sizeof header + sizeof value;
        header.cmsg_level = level;
        header.cmsg_type = type;
        std::memcpy(&parameters.scratch[used], &header, sizeof header);
        std::memcpy(&parameters.scratch[used + sizeof header], &value, sizeof value);
        used += (header.cmsg_len + 7) / 8 * 8;
        parameters.message.Control.len = static_cast<ULONG>(used);
    }
};

const endpoint ipv4_peer("192.0.2.1", 5);
const endpoint ipv6_peer("2001:db8::1", 5);
const endpoint mapped_peer("::ffff:192.0.2.1", 5);

packet_details through(const packet_details& details, const endpoint& remote) {
    kernel_parameters parameters;
    to_sockaddr(remote, parameters.address);
    write_details(details, remote, parameters);
    return read_details(parameters);
}

TEST(packet_details, come_back_as_they_were_written) {
    struct {
        endpoint remote;
        endpoint local;
    } const cases[] = {{ipv4_peer, endpoint("192.0.2.7", 0)},
                       {ipv6_peer, endpoint("2001:db8::7", 0)},
                       {ipv6_peer, endpoint("fe80::7%9", 0)},
                       {mapped_peer, endpoint("::ffff:192.0.2.7", 0)}};
    for (const auto& each : cases) {
        const packet_details details{each.local, 9, 42, 2};
        const packet_details read = through(details, each.remote);
        EXPECT_EQ(read.local, details.local) << each.local.to_string();
        EXPECT_EQ(read.interface_index, details.interface_index);
        EXPECT_EQ(read.hop_limit, details.hop_limit);
        EXPECT_EQ(read.congestion, details.congestion);
    }
}

TEST(packet_details, that_are_not_given_take_no_room) {
    kernel_parameters parameters;
    write_details({}, ipv4_peer, parameters);
    EXPECT_EQ(parameters.message.Control.len, 0u);
    EXPECT_EQ(parameters.message.Control.buf, nullptr);
    write_details({{}, {}, 3, {}}, ipv6_peer, parameters);
    EXPECT_EQ(parameters.message.Control.len, 24u);
    EXPECT_EQ(parameters.message.Control.buf, reinterpret_cast<char*>(parameters.scratch.data()));
    const packet_details one = through({{}, {}, 3, {}}, ipv4_peer);
    EXPECT_FALSE(one.local);
    EXPECT_FALSE(one.interface_index);
    EXPECT_EQ(one.hop_limit, 3);
    EXPECT_FALSE(one.congestion);
}

TEST(packet_details, name_an_interface_alone_or_an_address_alone) {
    const packet_details index = through({{}, 4, {}, {}}, ipv4_peer);
    EXPECT_EQ(index.interface_index, 4u);
    EXPECT_EQ(index.local, endpoint::any(address_family::ipv4, 0));
    const packet_details scope = through({endpoint("fe80::1%6", 0), {}, {}, {}}, ipv6_peer);
    EXPECT_EQ(scope.interface_index, 6u);
}

TEST(packet_details, are_understood_in_every_form_that_systems_use) {
    for (const int type : {IP_TTL, IP_HOPLIMIT}) {
        system_side ipv4(ipv4_peer);
        ipv4.deliver(IPPROTO_IP, type, INT{64});
        EXPECT_EQ(read_details(ipv4.parameters).hop_limit, 64);
    }
    for (const int type : {IP_TOS, 50}) {
        system_side ipv4(ipv4_peer);
        ipv4.deliver(IPPROTO_IP, type, INT{type == IP_TOS ? 0xb8 | 3 : 3});
        EXPECT_EQ(read_details(ipv4.parameters).congestion, 3);
    }
    for (const int type : {IPV6_TCLASS, 50}) {
        system_side ipv6(ipv6_peer);
        ipv6.deliver(IPPROTO_IPV6, type, INT{1});
        EXPECT_EQ(read_details(ipv6.parameters).congestion, 1);
    }
}

TEST(packet_details, of_an_ipv4_sender_on_a_dual_stack_socket_are_mapped) {
    in_pktinfo info{};
    const std::array<std::uint8_t, 4> address{192, 0, 2, 7};
    std::memcpy(&info.ipi_addr, address.data(), address.size());
    info.ipi_ifindex = 3;
    system_side dual(mapped_peer);
    dual.deliver(IPPROTO_IP, IP_PKTINFO, info);
    EXPECT_EQ(read_details(dual.parameters).local, endpoint("::ffff:192.0.2.7", 0));
    system_side plain(ipv4_peer);
    plain.deliver(IPPROTO_IP, IP_PKTINFO, info);
    EXPECT_EQ(read_details(plain.parameters).local, endpoint("192.0.2.7", 0));
}

TEST(packet_details, pass_over_what_they_do_not_know) {
    system_side system(ipv4_peer);
    system.deliver(SOL_SOCKET, 12345, std::array<char, 5>{});
    system.deliver(IPPROTO_IP, 777, INT{1});
    system.deliver(IPPROTO_IP, IP_TTL, INT{1000}); // no hop limit
    system.deliver(IPPROTO_IP, IP_TOS, INT{2});
    const packet_details read = read_details(system.parameters);
    EXPECT_FALSE(read.hop_limit);
    EXPECT_EQ(read.congestion, 2);
}

// Of a block that a system cut short, or never wrote.
TEST(packet_details, end_where_the_messages_do) {
    system_side none(ipv4_peer);
    none.deliver(IPPROTO_IP, IP_TTL, INT{64}); // to an earlier call with the same operation
    expect_details(none.parameters);
    EXPECT_FALSE(read_details(none.parameters).hop_limit);

    system_side cut(ipv4_peer);
    cut.deliver(IPPROTO_IP, IP_TOS, INT{2});
    cut.deliver(IPPROTO_IP, IP_TTL, INT{64});
    for (ULONG length = 24; length < 44; ++length) {
        cut.parameters.message.Control.len = length;
        EXPECT_EQ(read_details(cut.parameters).congestion, 2) << length;
        EXPECT_FALSE(read_details(cut.parameters).hop_limit) << length;
    }
    cut.parameters.message.Control.len = 0xffffffff;
    EXPECT_EQ(read_details(cut.parameters).hop_limit, 64);

    for (const std::size_t length : {std::size_t{0}, std::size_t{15}, std::size_t{0} - 8, std::size_t{289}}) {
        system_side lying(ipv4_peer);
        lying.deliver(IPPROTO_IP, IP_TTL, INT{64});
        std::memcpy(lying.parameters.scratch.data(), &length, sizeof length);
        lying.parameters.message.Control.len = 288;
        EXPECT_FALSE(read_details(lying.parameters).hop_limit) << length;
    }
}

} // namespace
} // namespace moor::iocp
