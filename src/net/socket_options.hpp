// Socket options and the other small calls that end at once, with std::error_code for an answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <system_error>

#include <moor/endpoint.hpp>

#include "win/socket.hpp"

namespace moor::net {

// Each reports the Winsock error of its call.

/// A new TCP or UDP socket.
[[nodiscard]] win::unique_socket open_tcp(address_family family, std::error_code& error) noexcept;
[[nodiscard]] win::unique_socket open_udp(address_family family, std::error_code& error) noexcept;

/// Whom a caller means by `remote`: for no address in particular (0.0.0.0, ::) the local host, as on other systems.
/// Windows itself refuses such a destination, and takes it in connect() of a datagram socket for the end of one.
[[nodiscard]] endpoint destination_of(const endpoint& remote) noexcept;

[[nodiscard]] std::error_code bind(const win::unique_socket& socket, const endpoint& local) noexcept;
[[nodiscard]] std::error_code listen(const win::unique_socket& socket, int backlog) noexcept;
/// `side` is SD_RECEIVE, SD_SEND or SD_BOTH.
[[nodiscard]] std::error_code shut_down(const win::unique_socket& socket, int side) noexcept;

[[nodiscard]] endpoint local_endpoint(const win::unique_socket& socket, std::error_code& error) noexcept;
[[nodiscard]] endpoint remote_endpoint(const win::unique_socket& socket, std::error_code& error) noexcept;

/// How many bytes could be received without waiting; 0 on errors.
[[nodiscard]] std::size_t bytes_at_hand(const win::unique_socket& socket) noexcept;

[[nodiscard]] std::error_code set_no_delay(const win::unique_socket& socket, bool on) noexcept;
[[nodiscard]] std::error_code set_receive_buffer(const win::unique_socket& socket, std::size_t bytes) noexcept;
[[nodiscard]] std::error_code set_send_buffer(const win::unique_socket& socket, std::size_t bytes) noexcept;
/// Nobody else may bind to the same address, not even with SO_REUSEADDR.
[[nodiscard]] std::error_code set_exclusive_address(const win::unique_socket& socket) noexcept;
/// Others may, who ask for it as well.
[[nodiscard]] std::error_code set_shared_address(const win::unique_socket& socket) noexcept;
/// Of a datagram socket: whom it sends to and receives from.
[[nodiscard]] std::error_code set_default_peer(const win::unique_socket& socket, const endpoint& remote) noexcept;
[[nodiscard]] std::error_code set_broadcast(const win::unique_socket& socket, bool on) noexcept;
/// Of a socket that is to connect, before it is bound to port 0: the port is chosen when it connects, and may be one
/// that goes to other destinations already. So there can be more than 16,000 outgoing connections. Until then the
/// socket has port 0. An error where the system is older than Windows 10.
[[nodiscard]] std::error_code set_shared_outgoing_port(const win::unique_socket& socket) noexcept;
[[nodiscard]] std::error_code set_ipv6_only(const win::unique_socket& socket, bool on) noexcept;
/// Closing sends a reset and drops what is unsent.
[[nodiscard]] std::error_code set_reset_on_close(const win::unique_socket& socket) noexcept;

} // namespace moor::net
