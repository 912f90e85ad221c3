#include "net/socket_error.hpp"

#include <gtest/gtest.h>

#include <moor/error.hpp>

#include "win/windows.hpp"

namespace moor::net {
namespace {

TEST(socket_error, a_completions_number_becomes_winsocks) {
    EXPECT_EQ(to_socket_error(0), 0u);
    EXPECT_EQ(to_socket_error(ERROR_NETNAME_DELETED), static_cast<std::uint32_t>(WSAECONNRESET));
    EXPECT_EQ(to_socket_error(ERROR_CONNECTION_REFUSED), static_cast<std::uint32_t>(WSAECONNREFUSED));
    EXPECT_EQ(to_socket_error(ERROR_SEM_TIMEOUT), static_cast<std::uint32_t>(WSAETIMEDOUT));
    EXPECT_EQ(to_socket_error(ERROR_OPERATION_ABORTED), static_cast<std::uint32_t>(WSA_OPERATION_ABORTED));
    EXPECT_EQ(to_socket_error(WSAECONNRESET), static_cast<std::uint32_t>(WSAECONNRESET));
    EXPECT_EQ(to_socket_error(4711), 4711u);
}

// Translating keeps the meaning: both numbers compare equal to the same std::errc.
TEST(socket_error, means_the_same_before_and_after) {
    for (const std::uint32_t number :
         {ERROR_NETNAME_DELETED, ERROR_CONNECTION_REFUSED, ERROR_CONNECTION_ABORTED, ERROR_SEM_TIMEOUT,
          ERROR_NETWORK_UNREACHABLE, ERROR_HOST_UNREACHABLE, ERROR_INCORRECT_ADDRESS, ERROR_NO_SYSTEM_RESOURCES,
          ERROR_TOO_MANY_OPEN_FILES, ERROR_INVALID_HANDLE}) {
        const std::error_code before(static_cast<int>(number), winsock_category());
        const std::error_code after(static_cast<int>(to_socket_error(number)), winsock_category());
        EXPECT_NE(before, after);
        EXPECT_EQ(before.default_error_condition(), after.default_error_condition()) << number;
        EXPECT_EQ(before.default_error_condition().category(), std::generic_category()) << number;
    }
}

TEST(socket_error, tells_a_dead_connection_from_a_lack_of_resources) {
    EXPECT_TRUE(is_dead_connection(WSAECONNRESET));
    EXPECT_TRUE(is_dead_connection(ERROR_NETNAME_DELETED));
    EXPECT_TRUE(is_dead_connection(WSAECONNABORTED));
    EXPECT_FALSE(is_dead_connection(0));
    EXPECT_FALSE(is_dead_connection(WSAEMFILE));
    EXPECT_FALSE(is_dead_connection(WSAENOBUFS));
    EXPECT_FALSE(is_dead_connection(ERROR_OPERATION_ABORTED));
}

} // namespace
} // namespace moor::net
