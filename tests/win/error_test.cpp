#include <moor/error.hpp>

#include <gtest/gtest.h>

#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

struct meaning {
    std::uint32_t number;
    std::errc portable;
};

TEST(winsock_category, means_the_portable_conditions) {
    const meaning meanings[] = {
        {WSAECONNRESET, std::errc::connection_reset},
        {ERROR_NETNAME_DELETED, std::errc::connection_reset},
        {WSAECONNREFUSED, std::errc::connection_refused},
        {ERROR_CONNECTION_REFUSED, std::errc::connection_refused},
        {WSAECONNABORTED, std::errc::connection_aborted},
        {ERROR_OPERATION_ABORTED, std::errc::operation_canceled},
        {WSAETIMEDOUT, std::errc::timed_out},
        {ERROR_SEM_TIMEOUT, std::errc::timed_out},
        {WSAEADDRINUSE, std::errc::address_in_use},
        {WSAEADDRNOTAVAIL, std::errc::address_not_available},
        {WSAEMFILE, std::errc::too_many_files_open},
        {WSAENOBUFS, std::errc::no_buffer_space},
        {WSAENOTCONN, std::errc::not_connected},
        {WSAEACCES, std::errc::permission_denied},
        {WSAENETUNREACH, std::errc::network_unreachable},
        {WSAEHOSTUNREACH, std::errc::host_unreachable},
        {ERROR_BROKEN_PIPE, std::errc::broken_pipe},
        {ERROR_FILE_NOT_FOUND, std::errc::no_such_file_or_directory},
        {ERROR_NOT_ENOUGH_MEMORY, std::errc::not_enough_memory},
    };
    for (const meaning& each : meanings) {
        const std::error_code code = win::to_error(each.number);
        EXPECT_EQ(code.category(), winsock_category());
        EXPECT_EQ(code.value(), static_cast<int>(each.number));
        EXPECT_EQ(code, each.portable) << each.number;
    }
    EXPECT_NE(win::to_error(WSAECONNRESET), std::errc::connection_aborted);
}

TEST(winsock_category, says_the_number_in_its_message) {
    EXPECT_NE(win::to_error(WSAECONNRESET).message().find("(10054)"), std::string::npos);
    EXPECT_NE(win::to_error(0x1fffffff).message().find(std::to_string(0x1fffffff)), std::string::npos);
    EXPECT_STREQ(winsock_category().name(), "winsock");
}

TEST(winsock_category, has_no_error_for_zero) { EXPECT_FALSE(win::to_error(0)); }

TEST(last_error, is_the_threads) {
    ::SetLastError(ERROR_ACCESS_DENIED);
    EXPECT_EQ(win::last_error(), std::errc::permission_denied);
    ::SetLastError(ERROR_ACCESS_DENIED);
    try {
        win::throw_last_error("moor: testing");
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::permission_denied);
        EXPECT_EQ(std::string(error.what()).find("moor: testing"), 0u);
    }
}

TEST(stream_category, knows_the_end_of_a_stream) {
    const std::error_code code = stream_errc::end_of_stream;
    EXPECT_EQ(code.category(), stream_category());
    EXPECT_FALSE(code.message().empty());
    EXPECT_NE(code, std::errc::connection_reset);
}

} // namespace
} // namespace moor
