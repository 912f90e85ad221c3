// See fault_sites.hpp.
#include "iocp/fault_sites.hpp"

#include <array>
#include <utility>

#include <mstcpip.h>
#include <ws2tcpip.h>

#include "support/bytes.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using enum reaction;

constexpr int report_unreachable_code = static_cast<int>(_WSAIOW(IOC_VENDOR, 12)); // SIO_UDP_CONNRESET
constexpr int report_hops_code = static_cast<int>(_WSAIOW(IOC_VENDOR, 15));        // SIO_UDP_NETRESET
constexpr int initial_rto_code = static_cast<int>(_WSAIOW(IOC_VENDOR, 17));        // SIO_TCP_INITIAL_RTO
constexpr int reuse_unicast_port = 0x3007;                                         // SO_REUSE_UNICASTPORT

endpoint local(address_family family = address_family::ipv4) { return endpoint::loopback(family, 0); }

std::error_code connect(fault_world& world) {
    std::error_code error;
    const tcp_stream made = tcp_stream::connect(world.listener.local_endpoint(), 20s, error);
    if (!error) {
        const tcp_stream taken = world.listener.accept(20s, error);
    }
    return error;
}

std::error_code accept(fault_world& world) {
    std::error_code error;
    const tcp_stream made = tcp_stream::connect(world.listener.local_endpoint(), 20s, error);
    if (!error) {
        const tcp_stream taken = world.listener.accept(20s, error);
    }
    return error;
}

std::error_code listen(const endpoint& at) {
    std::error_code error;
    const tcp_listener made = tcp_listener::bind(at, {.outstanding_accepts = 1}, error);
    return error;
}
std::error_code listen(fault_world&) { return listen(local()); }
std::error_code listen_ipv6(fault_world&) { return listen(local(address_family::ipv6)); }

// The listener cannot arm its accepting call at first, and does so when somebody accepts.
std::error_code listen_and_accept(fault_world&) {
    std::error_code error;
    tcp_listener made = tcp_listener::bind(local(), {.outstanding_accepts = 1}, error);
    if (!error) {
        const tcp_pair both = connect_through(made);
    }
    return error;
}

std::error_code bind_udp(const endpoint& at, const udp_options& options) {
    std::error_code error;
    const udp_socket made = udp_socket::bind(at, options, error);
    return error;
}
std::error_code bind_udp(fault_world&) { return bind_udp(local(), {}); }
std::error_code bind_udp_ipv6(fault_world&) { return bind_udp(local(address_family::ipv6), {}); }
std::error_code bind_udp_shared(fault_world&) { return bind_udp(local(), {.reuse_address = true}); }

std::error_code connect_udp(fault_world& world) {
    std::error_code error;
    udp_socket made = udp_socket::bind(local());
    made.connect(world.other.local_endpoint(), error);
    return error;
}

template <class Call>
std::error_code thrown_by(Call call) {
    try {
        call();
        return {};
    } catch (const std::system_error& failure) {
        return failure.code();
    }
}

std::error_code shut_down(fault_world& world) {
    std::error_code error;
    tcp_pair both = connect_through(world.listener);
    both.client.shutdown(shutdown_side::send, error);
    return error;
}

std::error_code reset(fault_world& world) {
    tcp_pair both = connect_through(world.listener);
    both.client.reset();
    return {};
}

std::error_code close(fault_world&) {
    std::error_code error;
    udp_socket made = udp_socket::bind(local(), {}, error);
    made.close();
    return error;
}

// More buffers than one call carries: whether there is more at hand is asked before the second call.
std::error_code read_many(fault_world& world) {
    constexpr std::size_t parts = 20;
    std::array<std::byte, parts> bytes{};
    std::array<std::span<std::byte>, parts> list;
    for (std::size_t index = 0; index < parts; ++index) {
        list[index] = std::span(bytes).subspan(index, 1);
    }
    tcp_pair both = connect_through(world.listener);
    both.server.write(make_bytes(parts));
    std::error_code error;
    const std::size_t count = both.client.read_some(list, 20s, error);
    return count != 0 ? error : std::make_error_code(std::errc::no_message);
}

const std::array sites{
    fault_site{"socket of a connection", imported::open_socket, open_socket_errors, reports, connect},
    fault_site{"socket of a listener", imported::open_socket, open_socket_errors, reports, listen},
    fault_site{"socket to accept into", imported::open_socket, open_socket_errors, passes_over, listen_and_accept,
               any_option, 1},
    fault_site{"datagram socket", imported::open_socket, open_socket_errors, reports, bind_udp},
    fault_site{"closing", imported::close_socket, close_socket_errors, passes_over, close},
    fault_site{"bind of a connection", imported::bind, bind_errors, reports, connect},
    fault_site{"name of a connection", imported::local_name, name_errors, reports, connect},
    fault_site{"bind of a listener", imported::bind, bind_errors, reports, listen},
    fault_site{"bind of datagrams", imported::bind, bind_errors, reports, bind_udp},
    fault_site{"listen", imported::listen, listen_errors, reports, listen},
    fault_site{"default peer of datagrams", imported::connect, connect_errors, reports, connect_udp},
    fault_site{"shutdown", imported::shut_down, shutdown_errors, reports, shut_down},
    fault_site{"port of a connection", imported::associate, associate_errors, reports, connect},
    fault_site{"port of a listener", imported::associate, associate_errors, reports, listen},
    fault_site{"port of datagrams", imported::associate, associate_errors, reports, bind_udp},
    fault_site{"port of an accepted connection", imported::associate, associate_errors, reports, accept, any_option, 1},
    fault_site{"no packets for successes", imported::skip_packets, skip_errors, passes_over, connect},
    fault_site{"name of a listener", imported::local_name, name_errors, reports, listen},
    fault_site{
        "name of a stream", imported::local_name, name_errors, reports,
        [](fault_world& world) { return thrown_by([&] { static_cast<void>(world.pair.client.local_endpoint()); }); }},
    fault_site{"name of datagrams", imported::local_name, name_errors, reports,
               [](fault_world& world) { return thrown_by([&] { static_cast<void>(world.one.local_endpoint()); }); }},
    fault_site{
        "name of the peer", imported::peer_name, name_errors, reports,
        [](fault_world& world) { return thrown_by([&] { static_cast<void>(world.pair.client.remote_endpoint()); }); }},
    fault_site{"bytes at hand", imported::bytes_at_hand, at_hand_errors, passes_over, read_many},
    fault_site{"keep-alive", imported::control, control_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.pair.client.set_keep_alive({}, error);
                   return error;
               },
               static_cast<int>(SIO_KEEPALIVE_VALS)},
    fault_site{"reports of closed ports", imported::control, control_errors, passes_over, bind_udp,
               report_unreachable_code},
    fault_site{"reports of exhausted hops", imported::control, control_errors, passes_over, bind_udp, report_hops_code},
    fault_site{"refusals without retries", imported::control, control_errors, passes_over, connect, initial_rto_code},
    fault_site{"shared port of a connection", imported::set_option, option_errors, passes_over, connect,
               reuse_unicast_port},
    fault_site{"exclusive address of a listener", imported::set_option, option_errors, reports, listen,
               SO_EXCLUSIVEADDRUSE},
    fault_site{"exclusive address of datagrams", imported::set_option, option_errors, reports, bind_udp,
               SO_EXCLUSIVEADDRUSE},
    fault_site{"shared address of datagrams", imported::set_option, option_errors, reports, bind_udp_shared,
               SO_REUSEADDR},
    fault_site{"one family of a listener", imported::set_option, option_errors, reports, listen_ipv6, IPV6_V6ONLY},
    fault_site{"one family of datagrams", imported::set_option, option_errors, reports, bind_udp_ipv6, IPV6_V6ONLY},
    fault_site{"finishing a connection", imported::set_option, option_errors, reports, connect,
               SO_UPDATE_CONNECT_CONTEXT},
    fault_site{"finishing an accepted connection", imported::set_option, accepted_option_errors, reports, accept,
               SO_UPDATE_ACCEPT_CONTEXT},
    fault_site{"no delay", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.pair.client.set_no_delay(true, error);
                   return error;
               },
               TCP_NODELAY},
    fault_site{"receive buffer of a stream", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.pair.client.set_receive_buffer_size(60'000, error);
                   return error;
               },
               SO_RCVBUF},
    fault_site{"send buffer of a stream", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.pair.client.set_send_buffer_size(60'000, error);
                   return error;
               },
               SO_SNDBUF},
    fault_site{"receive buffer of datagrams", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_receive_buffer_size(60'000, error);
                   return error;
               },
               SO_RCVBUF},
    fault_site{"send buffer of datagrams", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_send_buffer_size(60'000, error);
                   return error;
               },
               SO_SNDBUF},
    fault_site{"broadcast", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_broadcast(true, error);
                   return error;
               },
               SO_BROADCAST},
    fault_site{"hop limit", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_hop_limit(60, error);
                   return error;
               },
               IP_TTL},
    fault_site{"destinations reported", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_report_destination(true, error);
                   return error;
               },
               IP_PKTINFO},
    fault_site{"multicast hop limit", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_multicast_hop_limit(2, error);
                   return error;
               },
               IP_MULTICAST_TTL},
    fault_site{"multicast loop", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.set_multicast_loop(true, error);
                   return error;
               },
               IP_MULTICAST_LOOP},
    fault_site{"joining a group", imported::set_option, option_errors, reports,
               [](fault_world& world) {
                   std::error_code error;
                   world.other.join_group({"239.1.2.3", 0}, {}, error);
                   return error;
               }},
    fault_site{"reset on close", imported::set_option, option_errors, passes_over, reset, SO_LINGER},
};

} // namespace

std::span<const fault_site> fault_sites() { return sites; }

} // namespace moor::test
