#include "net/failure.hpp"

#include <chrono>
#include <stop_token>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/wait_limit.hpp>

#include "support/run.hpp"
#include "win/error.hpp"
#include "win/known_errors.hpp"
#include "win/windows.hpp"

namespace moor::net {
namespace {

failure_of of(int number, bool by_packet) {
    return whose_failure(std::error_code(number, winsock_category()), by_packet);
}

TEST(failure, of_the_socket_the_machine_or_the_call_is_the_caller_s_own) {
    for (const bool by_packet : {false, true}) {
        for (const int number : {int{WSA_OPERATION_ABORTED},
                                 WSAEINTR,
                                 WSAENOTSOCK,
                                 WSAEBADF,
                                 int{ERROR_INVALID_HANDLE},
                                 WSAEMFILE,
                                 WSAENOBUFS,
                                 int{ERROR_NO_SYSTEM_RESOURCES},
                                 int{ERROR_NOT_ENOUGH_MEMORY},
                                 int{ERROR_TOO_MANY_OPEN_FILES},
                                 WSAENETDOWN,
                                 WSANOTINITIALISED,
                                 WSASYSNOTREADY,
                                 WSAVERNOTSUPPORTED,
                                 WSAEPROVIDERFAILEDINIT,
                                 WSAEPROCLIM,
                                 WSAEFAULT,
                                 WSAEOPNOTSUPP,
                                 WSAENOPROTOOPT,
                                 WSAEINPROGRESS,
                                 WSAEWOULDBLOCK,
                                 WSAEMSGSIZE}) {
            EXPECT_EQ(of(number, by_packet), failure_of::socket) << number;
        }
        for (const std::errc own :
             {std::errc::timed_out, std::errc::operation_canceled, std::errc::not_enough_memory}) {
            EXPECT_EQ(whose_failure(win::to_error(own), by_packet), failure_of::socket);
        }
    }
}

TEST(failure, of_a_connection_is_its_state) {
    for (const int number : {WSAENOTCONN, WSAEISCONN, WSAESHUTDOWN, WSAEDISCON}) {
        EXPECT_EQ(of(number, true), failure_of::connection) << number;
    }
}

// Also what nobody has thought of.
TEST(failure, of_the_network_is_all_else) {
    for (const int number : {WSAECONNRESET, WSAECONNABORTED, WSAECONNREFUSED, WSAENETRESET, WSAENETUNREACH,
                             WSAEHOSTUNREACH, WSAEHOSTDOWN, WSAETIMEDOUT, WSAEACCES, WSAEADDRNOTAVAIL,
                             int{ERROR_NETNAME_DELETED}, int{ERROR_UNEXP_NET_ERR}, 317, 4711, 123'456}) {
        EXPECT_EQ(of(number, true), failure_of::network) << number;
    }
}

// Winsock says WSAEINVAL for every status that it does not know.
TEST(failure, of_an_argument_comes_at_once) {
    EXPECT_EQ(of(WSAEINVAL, false), failure_of::socket);
    EXPECT_EQ(of(ERROR_INVALID_PARAMETER, false), failure_of::socket);
    EXPECT_EQ(of(WSAEINVAL, true), failure_of::network);
}

TEST(patience, takes_no_time_for_some_failures_and_no_processor_for_many) {
    using namespace std::chrono_literals;
    test::in_runtime(1, [] {
        const wait_limit limit(50ms);
        patience others;
        unsigned passed = 0;
        for (; passed < 1'000'000 && wait_limit::clock::now() < limit.deadline(); ++passed) {
            others.passed_over(limit);
        }
        EXPECT_GE(passed, 256u);
        EXPECT_LE(passed, 256u + 16 * 51) << "16 a millisecond";
    });
}

TEST(patience, ends_with_its_limit) {
    test::in_runtime(1, [] {
        patience others;
        std::stop_source source;
        source.request_stop();
        const auto before = wait_limit::clock::now();
        for (unsigned count = 0; count != 16'000; ++count) {
            others.passed_over(source.get_token());
        }
        EXPECT_LT(wait_limit::clock::now() - before, std::chrono::milliseconds(900)) << "a thousand pauses";
    });
}

} // namespace
} // namespace moor::net
