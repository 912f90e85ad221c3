// What a call reports that fails after it was pending: the number that Winsock itself gives, for every status of the
// kernel that it knows, from every kind of call.
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>

#include "net/failure.hpp"
#include "support/adversary.hpp"
#include "support/eventually.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "win/known_errors.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::adversary;
using test::scripted_end;

const endpoint loopback = endpoint::loopback(address_family::ipv4, 0);

struct named_status {
    std::int32_t status;
    int error;
};

// What the system's own function says of a status.
int error_named_by_winsock(SOCKET socket, std::uint32_t status) {
    OVERLAPPED overlapped{};
    overlapped.Internal = status;
    DWORD bytes = 0;
    DWORD flags = 0;
    EXPECT_EQ(::WSAGetOverlappedResult(socket, &overlapped, &bytes, FALSE, &flags), FALSE);
    return ::WSAGetLastError();
}

// Failures and warnings, the network's among them (0xC000A000), that have a name of their own; and two that have none.
std::vector<named_status> statuses() {
    const auto socket = win::unique_socket::open(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    std::vector<named_status> found;
    const auto look = [&](std::uint32_t first, std::uint32_t count) {
        for (std::uint32_t status = first; status != first + count; ++status) {
            if (const int error = error_named_by_winsock(socket.get(), status); error != WSAEINVAL) {
                found.push_back({static_cast<std::int32_t>(status), error});
            }
        }
    };
    look(0x80000001, 0x40);
    look(0xC0000001, 0x480);
    look(0xC000A000, 0x20);
    EXPECT_GT(found.size(), 50u);
    for (const std::uint32_t status : {0xC0000001u, 0xC0000999u}) {
        found.push_back({static_cast<std::int32_t>(status), error_named_by_winsock(socket.get(), status)});
    }
    return found;
}

TEST(late_errors, have_the_numbers_that_winsock_gives) {
    test::in_runtime(1, [] {
        adversary system(1);
        for (const named_status& each : statuses()) {
            for (const test::overlapped_call& call : test::every_call()) {
                auto unowned = win::unique_socket::open(AF_INET, call.takes_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
                unowned.skips_packet_on_success = call.kind != adversary::kind::disconnect;
                const std::unique_ptr<test::any_socket, io::close_and_release> socket(
                    new test::any_socket(std::move(unowned)));
                system.script(call.kind, scripted_end::fails_later(each.status));
                std::error_code error;
                bool intact = false;
                EXPECT_EQ(call.run(*socket, {}, error, intact), 0u);
                ASSERT_EQ(error, std::error_code(each.error, winsock_category()))
                    << fmt::format("{} with {:08x}", call.name, static_cast<std::uint32_t>(each.status));
            }
        }
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
}

// The same in portable words, for what a program asks about.
TEST(late_errors, of_connecting_compare_with_portable_conditions) {
    struct expectation {
        std::uint32_t status;
        std::errc portable;
    };
    constexpr expectation expectations[] = {
        {0xC000020A, std::errc::address_in_use},        // STATUS_ADDRESS_ALREADY_EXISTS
        {0xC0000043, std::errc::address_in_use},        // STATUS_SHARING_VIOLATION
        {0xC0000207, std::errc::address_not_available}, // STATUS_INVALID_ADDRESS_COMPONENT
        {0xC0000141, std::errc::address_not_available}, // STATUS_INVALID_ADDRESS
        {0xC0000209, std::errc::no_buffer_space},       // STATUS_TOO_MANY_ADDRESSES
        {0xC00000A1, std::errc::no_buffer_space},       // STATUS_WORKING_SET_QUOTA
        {0xC00000BE, std::errc::network_unreachable},   // STATUS_BAD_NETWORK_PATH
        {0xC000023C, std::errc::network_unreachable},   // STATUS_NETWORK_UNREACHABLE
        {0xC0000350, std::errc::host_unreachable},      // STATUS_HOST_DOWN
        {0xC000023D, std::errc::host_unreachable},      // STATUS_HOST_UNREACHABLE
        {0xC00000B5, std::errc::timed_out},             // STATUS_IO_TIMEOUT
        {0xC000013F, std::errc::timed_out},             // STATUS_LINK_TIMEOUT
        {0xC0000236, std::errc::connection_refused},    // STATUS_CONNECTION_REFUSED
        {0xC0000022, std::errc::permission_denied},     // STATUS_ACCESS_DENIED
    };
    test::in_runtime(1, [&] {
        adversary system(1);
        for (const expectation& each : expectations) {
            system.script(adversary::kind::connect, scripted_end::fails_later(static_cast<std::int32_t>(each.status)));
            std::error_code error;
            EXPECT_FALSE(tcp_stream::connect(endpoint("192.0.2.1", 9), 20s, error).is_open());
            EXPECT_EQ(error, each.portable) << fmt::format("{:08x}: {}", each.status, error.message());
        }
    });
}

// What is asked, and of which socket.
struct question {
    SOCKET socket;
    std::uint32_t status;
};
std::vector<question> questions;

BOOL WSAAPI write_down(SOCKET socket, OVERLAPPED* overlapped, DWORD* bytes, BOOL waits, DWORD* flags) {
    questions.push_back({socket, static_cast<std::uint32_t>(overlapped->Internal)});
    return win::real_system_calls.result(socket, overlapped, bytes, waits, flags);
}

// Only failed packets cost a call, and a closed socket is not asked.
TEST(late_errors, are_asked_for_when_a_packet_has_failed_and_only_then) {
    test::in_runtime(1, [&] {
        questions.clear();
        const win::replaced_system_calls replaced({.result = &write_down});
        {
            test::tcp_pair both = test::make_tcp_pair();
            std::array<std::byte, 4> buffer{};
            std::error_code error;
            auto reader = spawn([&] { return both.client.read_some(buffer, 20s, error); });
            this_coroutine::yield();
            both.server.write(std::as_bytes(std::span("abc")));
            EXPECT_EQ(reader.join(), 4u);
            EXPECT_TRUE(questions.empty()) << "all calls have succeeded";
            static_cast<void>(both.client.read_some(buffer, 1ms, error));
            EXPECT_EQ(error, std::errc::timed_out);
            ASSERT_EQ(questions.size(), 1u);
            EXPECT_EQ(questions[0].socket, both.client.native_handle());
            EXPECT_EQ(questions[0].status, 0xC0000120u) << "STATUS_CANCELLED";
            auto closed = spawn([&] { return both.client.read_some(buffer, 20s, error); });
            this_coroutine::yield();
            both.client.close();
            static_cast<void>(closed.join());
            EXPECT_EQ(error, std::errc::operation_canceled);
        }
        questions.clear();
        {
            // Its outstanding calls end when nobody has the listener any more.
            tcp_listener listener = tcp_listener::bind(loopback, {.outstanding_accepts = 5});
        }
        this_coroutine::sleep_for(5ms);
        EXPECT_TRUE(questions.empty()) << "a closed listener was asked";
    });
}

// ---- Accepting ----------------------------------------------------------------------------------------------------

// Whatever a connection died of that nobody has had: the next one is accepted.
TEST(late_errors, of_accepting_are_the_listener_s_or_nobody_s) {
    test::in_runtime(1, [] {
        adversary system(1);
        std::size_t reported = 0;
        std::size_t passed_over = 0;
        for (const named_status& each : statuses()) {
            const std::string what = fmt::format("{:08x}, {}", static_cast<std::uint32_t>(each.status), each.error);
            system.script(adversary::kind::accept, scripted_end::fails_later(each.status));
            tcp_listener listener = tcp_listener::bind(loopback, {.outstanding_accepts = 1});
            auto client = spawn([at = listener.local_endpoint()] {
                std::error_code error;
                static_cast<void>(tcp_stream::connect(at, 20s, error));
            });
            const std::error_code named(each.error, winsock_category());
            std::error_code error;
            tcp_stream accepted = listener.accept(20s, error);
            if (net::whose_failure(named, true) == net::failure_of::socket) {
                EXPECT_EQ(error, named) << what;
                ++reported;
                accepted = listener.accept(20s, error);
            } else {
                ++passed_over;
            }
            EXPECT_FALSE(error) << what << ": " << error.message();
            EXPECT_TRUE(accepted.is_open()) << what;
            client.join();
        }
        EXPECT_GT(reported, 5u);
        EXPECT_GT(passed_over, 20u);
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
}

} // namespace
} // namespace moor
