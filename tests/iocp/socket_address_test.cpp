#include "iocp/socket_address.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace moor::iocp {
namespace {

TEST(socket_address, ipv4_is_laid_out_as_winsock_wants_it) {
    sockaddr_storage room;
    std::memset(&room, 0xee, sizeof room);
    ASSERT_EQ(to_sockaddr(endpoint("127.0.0.1", 0x1234), room), static_cast<int>(sizeof(sockaddr_in)));
    sockaddr_in address;
    std::memcpy(&address, &room, sizeof address);
    EXPECT_EQ(address.sin_family, AF_INET);
    EXPECT_EQ(address.sin_port, 0x3412); // network order
    EXPECT_EQ(address.sin_addr.s_addr, 0x0100007fu);
    EXPECT_EQ(from_sockaddr(room), endpoint("127.0.0.1", 0x1234));
}

TEST(socket_address, ipv6_keeps_scope_and_port) {
    sockaddr_storage room;
    std::memset(&room, 0xee, sizeof room);
    const endpoint original("fe80::1:2%7", 443);
    ASSERT_EQ(to_sockaddr(original, room), static_cast<int>(sizeof(sockaddr_in6)));
    EXPECT_EQ(room.ss_family, AF_INET6);
    EXPECT_EQ(from_sockaddr(room), original);
}

TEST(socket_address, other_families_are_nothing) {
    sockaddr_storage room{};
    room.ss_family = AF_UNIX;
    EXPECT_EQ(from_sockaddr(room), endpoint());
}

} // namespace
} // namespace moor::iocp
