// What a process asks the system once: the extension functions, the sockets that it asks through, the list of
// providers. What IPv4's sockets do not know IPv6's are asked for. A function that was not found makes its calls report
// operation_not_supported; all others work. A child process for each, because the answer holds for as long as the
// process lives.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <span>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/tcp.hpp>
#include <moor/udp.hpp>

#include "iocp/documented_errors.hpp"
#include "iocp/fault_world.hpp"
#include "iocp/faults.hpp"
#include "support/child.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"

namespace moor::test {
namespace {

using kind = adversary::kind;

void demand(bool held, const char* what) {
    if (!held) {
        std::fprintf(stderr, "%s\n", what);
        std::fflush(stderr);
        std::_Exit(1);
    }
}

void expect_missing(const std::set<kind>& missing) {
    in_runtime(1, [&] {
        for (const overlapped_call& call : every_call()) {
            if (missing.count(call.kind) != 0) {
                const std::unique_ptr<any_socket, io::close_and_release> socket(new any_socket(
                    win::unique_socket::open(AF_INET, call.takes_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0)));
                std::error_code error;
                bool intact = false;
                call.run(*socket, {}, error, intact);
                demand(error == std::error_code(WSAEOPNOTSUPP, winsock_category()), call.name);
            }
        }
    });
}

// A whole world works, for as far as it can without what is missing.
void expect_the_rest(const std::set<kind>& missing) {
    runtime running(with_workers(1));
    running.run([&] {
        if (missing.count(kind::accept) == 0 && missing.count(kind::connect) == 0) {
            fault_world world(running);
            world.expect_to_work("a failed look-up");
        }
    });
    demand(!testing::Test::HasFailure(), "the rest does not work");
}

constexpr unsigned for_ever = 1000;

template <imported Which, int Option, unsigned Passed, unsigned Times, kind... Missing>
void fail_look_up() {
    arm_fault(Which, WSAENOBUFS, Passed, Times, Option);
    const std::set<kind> missing{Missing...};
    expect_missing(missing);
    expect_the_rest(missing);
    demand(disarm_fault(Which) < Times, "the look-up was not reached");
}

// Sockets of one family alone can be made ("netsh interface ipv4 uninstall").
template <int Missing, address_family There>
void lack_a_family() {
    arm_fault(imported::open_socket, WSAEAFNOSUPPORT, 0, for_ever, Missing);
    in_runtime(1, [] {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(There, 0), {.outstanding_accepts = 1});
        const tcp_pair both = connect_through(listener);
        demand(both.server.remote_endpoint() == both.client.local_endpoint(), "not connected");
        udp_socket one = udp_socket::bind(endpoint::loopback(There, 0));
        udp_socket other = udp_socket::bind(endpoint::loopback(There, 0));
        std::array<std::byte, 8> buffer{};
        one.send_message(std::span(buffer).first(3), other.local_endpoint());
        demand(other.receive_message(buffer).bytes == 3, "no datagram");
    });
    demand(disarm_fault(imported::open_socket) < for_ever, "the other family was not asked for");
}

constexpr int look_up = static_cast<int>(SIO_GET_EXTENSION_FUNCTION_POINTER);

// The functions are asked for in the order of the scenarios, and those of the second family come after all.
const scenario scenarios[]{
    {"no_accept", fail_look_up<imported::control, look_up, 0, for_ever, kind::accept, kind::connect, kind::disconnect,
                               kind::send_file, kind::receive_message, kind::send_message>},
    {"no_connect", fail_look_up<imported::control, look_up, 1, for_ever, kind::connect, kind::disconnect,
                                kind::send_file, kind::receive_message, kind::send_message>},
    {"no_disconnect", fail_look_up<imported::control, look_up, 2, for_ever, kind::disconnect, kind::send_file,
                                   kind::receive_message, kind::send_message>},
    {"no_send_file",
     fail_look_up<imported::control, look_up, 3, for_ever, kind::send_file, kind::receive_message, kind::send_message>},
    {"no_receive_message",
     fail_look_up<imported::control, look_up, 4, for_ever, kind::receive_message, kind::send_message>},
    {"no_send_message", fail_look_up<imported::control, look_up, 5, for_ever, kind::send_message>},
    {"accept_by_the_other_family", fail_look_up<imported::control, look_up, 0, 1>},
    {"send_message_by_the_other_family", fail_look_up<imported::control, look_up, 5, 1>},
    {"no_ipv4", lack_a_family<AF_INET, address_family::ipv6>},
    {"no_ipv6", lack_a_family<AF_INET6, address_family::ipv4>},
    {"no_provider_list", fail_look_up<imported::list_providers, any_option, 0, 1>},
};

TEST(lookup_faults, leave_all_else_working) {
    for (const scenario& each : scenarios) {
        const child_end end = run_in_child(each);
        EXPECT_EQ(end.exit_status, 0u) << each.name() << ": " << end.error_output;
        EXPECT_FALSE(end.hung) << each.name();
    }
    std::printf("[  faults  ] look-ups: 3 functions, %zu faults\n", std::size(scenarios));
}

} // namespace
} // namespace moor::test
