#include "win/socket.hpp"

#include <gtest/gtest.h>

namespace moor::win {
namespace {

class sockets : public testing::Test {
protected:
    static bool is_open(SOCKET socket) {
        int type = 0;
        int length = sizeof type;
        return ::getsockopt(socket, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &length) == 0;
    }

    const winsock_session session;
};

TEST_F(sockets, close_with_their_owner) {
    SOCKET value = INVALID_SOCKET;
    {
        const auto owner = unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        ASSERT_TRUE(owner);
        value = owner.get();
        EXPECT_TRUE(is_open(value));
    }
    EXPECT_FALSE(is_open(value));
}

TEST_F(sockets, are_not_inherited) {
    const auto owner = unique_socket::open(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    DWORD flags = HANDLE_FLAG_INHERIT;
    ASSERT_NE(::GetHandleInformation(reinterpret_cast<HANDLE>(owner.get()), &flags), FALSE);
    EXPECT_EQ(flags & HANDLE_FLAG_INHERIT, 0u);
}

TEST_F(sockets, moving_takes_the_packet_mode_along) {
    auto first = unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    first.skips_packet_on_success = true;
    const SOCKET value = first.get();
    unique_socket second(std::move(first));
    EXPECT_FALSE(first); // NOLINT: what a move leaves is part of the contract
    EXPECT_EQ(second.get(), value);
    EXPECT_TRUE(second.skips_packet_on_success);
    unique_socket third;
    third = std::move(second);
    EXPECT_TRUE(third.skips_packet_on_success);
    const io_handle borrowed(third);
    EXPECT_EQ(borrowed.get(), reinterpret_cast<HANDLE>(value));
    EXPECT_TRUE(borrowed.skips_packet_on_success());
    third.close();
    EXPECT_FALSE(third);
    EXPECT_FALSE(is_open(value));
}

TEST_F(sockets, say_why_there_is_none) {
    EXPECT_FALSE(unique_socket::open(12345, SOCK_STREAM, 0));
    EXPECT_EQ(::WSAGetLastError(), WSAEAFNOSUPPORT);
}

TEST_F(sockets, sessions_nest) {
    { const winsock_session another; }
    EXPECT_TRUE(unique_socket::open(AF_INET, SOCK_STREAM, IPPROTO_TCP)) << "the outer session still holds";
    EXPECT_EQ(every_provider_has_file_handles(), every_provider_has_file_handles());
}

} // namespace
} // namespace moor::win
