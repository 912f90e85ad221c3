// One function for each option. All make their call where it has room (law 6; set_option.hpp).
#include "net/socket_options.hpp"

#include <algorithm>
#include <limits>

#include "iocp/socket_address.hpp"
#include "net/set_option.hpp"
#include "win/system_calls.hpp"

namespace moor::net {
namespace {

int clamped(std::size_t bytes) noexcept {
    return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

template <class Query>
endpoint ask(const win::unique_socket& socket, Query query, std::error_code& error) noexcept {
    sockaddr_storage address{};
    int length = sizeof address;
    error = error_of([&] { return query(socket.get(), reinterpret_cast<sockaddr*>(&address), &length); });
    return error ? endpoint{} : iocp::from_sockaddr(address);
}

win::unique_socket open(address_family family, int type, int protocol, std::error_code& error) noexcept {
    auto socket = win::unique_socket::open(iocp::native_family(family), type, protocol);
    error = socket ? std::error_code{} : error_of([] { return SOCKET_ERROR; });
    return socket;
}

} // namespace

win::unique_socket open_tcp(address_family family, std::error_code& error) noexcept {
    return open(family, SOCK_STREAM, IPPROTO_TCP, error);
}

win::unique_socket open_udp(address_family family, std::error_code& error) noexcept {
    return open(family, SOCK_DGRAM, IPPROTO_UDP, error);
}

std::error_code set_default_peer(const win::unique_socket& socket, const endpoint& remote) noexcept {
    sockaddr_storage address{};
    const int length = iocp::to_sockaddr(remote, address);
    return error_of(
        [&] { return win::system().set_peer(socket.get(), reinterpret_cast<const sockaddr*>(&address), length); });
}

std::error_code set_shared_address(const win::unique_socket& socket) noexcept {
    return set_option(socket, SOL_SOCKET, SO_REUSEADDR, BOOL{TRUE});
}

std::error_code set_broadcast(const win::unique_socket& socket, bool on) noexcept {
    return set_option(socket, SOL_SOCKET, SO_BROADCAST, BOOL{on});
}

endpoint destination_of(const endpoint& remote) noexcept {
    return remote.is_any() ? endpoint::loopback(remote.unmapped().family(), remote.port()) : remote;
}

std::error_code bind(const win::unique_socket& socket, const endpoint& local) noexcept {
    sockaddr_storage address{};
    const int length = iocp::to_sockaddr(local, address);
    return error_of(
        [&] { return win::system().bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length); });
}

std::error_code listen(const win::unique_socket& socket, int backlog) noexcept {
    return error_of([&] { return win::system().listen(socket.get(), backlog); });
}

std::error_code shut_down(const win::unique_socket& socket, int side) noexcept {
    return error_of([&] { return win::system().shut_down(socket.get(), side); });
}

endpoint local_endpoint(const win::unique_socket& socket, std::error_code& error) noexcept {
    return ask(socket, win::system().local_name, error);
}

endpoint remote_endpoint(const win::unique_socket& socket, std::error_code& error) noexcept {
    return ask(socket, win::system().peer_name, error);
}

std::size_t bytes_at_hand(const win::unique_socket& socket) noexcept {
    u_long bytes = 0;
    return error_of([&] { return win::system().bytes_at_hand(socket.get(), FIONREAD, &bytes); }) ? 0 : bytes;
}

std::error_code set_no_delay(const win::unique_socket& socket, bool on) noexcept {
    return set_option(socket, IPPROTO_TCP, TCP_NODELAY, static_cast<BOOL>(on));
}

std::error_code set_receive_buffer(const win::unique_socket& socket, std::size_t bytes) noexcept {
    return set_option(socket, SOL_SOCKET, SO_RCVBUF, clamped(bytes));
}

std::error_code set_send_buffer(const win::unique_socket& socket, std::size_t bytes) noexcept {
    return set_option(socket, SOL_SOCKET, SO_SNDBUF, clamped(bytes));
}

std::error_code set_exclusive_address(const win::unique_socket& socket) noexcept {
    return set_option(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, static_cast<BOOL>(TRUE));
}

std::error_code set_shared_outgoing_port(const win::unique_socket& socket) noexcept {
    constexpr int reuse_unicast_port = 0x3007; // SO_REUSE_UNICASTPORT, which not every header has
    return set_option(socket, SOL_SOCKET, reuse_unicast_port, static_cast<BOOL>(TRUE));
}

std::error_code set_ipv6_only(const win::unique_socket& socket, bool on) noexcept {
    return set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, static_cast<DWORD>(on));
}

std::error_code set_reset_on_close(const win::unique_socket& socket) noexcept {
    return set_option(socket, SOL_SOCKET, SO_LINGER, linger{1, 0});
}

} // namespace moor::net
