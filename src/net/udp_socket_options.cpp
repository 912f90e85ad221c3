// The options of udp_socket, in both forms.
#include <moor/udp.hpp>

#include <type_traits>

#include "net/datagram_socket.hpp"
#include "net/socket_options.hpp"
#include "net/throwing.hpp"
#include "win/error.hpp"

namespace moor {
namespace {

using net::or_throw;

// Calls `function(socket)`, or `function(socket, families)`.
template <class Function>
void configure(detail::datagram_socket* owner, std::error_code& error, Function&& function) noexcept {
    if (owner == nullptr) {
        error = win::to_error(std::errc::not_connected);
        return;
    }
    error = owner->with_socket([&](const win::unique_socket& socket) {
        if constexpr (std::is_invocable_v<Function&, const win::unique_socket&>) {
            return function(socket);
        } else {
            return function(socket, owner->families());
        }
    });
}

} // namespace

void udp_socket::set_broadcast(bool on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket) { return net::set_broadcast(socket, on); });
}

void udp_socket::set_broadcast(bool on) {
    or_throw("moor: set_broadcast", [&](std::error_code& error) { set_broadcast(on, error); });
}

void udp_socket::set_receive_buffer_size(std::size_t bytes, std::error_code& error) noexcept {
    configure(socket_.get(), error,
              [&](const win::unique_socket& socket) { return net::set_receive_buffer(socket, bytes); });
}

void udp_socket::set_receive_buffer_size(std::size_t bytes) {
    or_throw("moor: set_receive_buffer_size", [&](std::error_code& error) { set_receive_buffer_size(bytes, error); });
}

void udp_socket::set_send_buffer_size(std::size_t bytes, std::error_code& error) noexcept {
    configure(socket_.get(), error,
              [&](const win::unique_socket& socket) { return net::set_send_buffer(socket, bytes); });
}

void udp_socket::set_send_buffer_size(std::size_t bytes) {
    or_throw("moor: set_send_buffer_size", [&](std::error_code& error) { set_send_buffer_size(bytes, error); });
}

void udp_socket::set_hop_limit(std::uint8_t hops, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::set_hop_limit(socket, families, hops);
    });
}

void udp_socket::set_hop_limit(std::uint8_t hops) {
    or_throw("moor: set_hop_limit", [&](std::error_code& error) { set_hop_limit(hops, error); });
}

// ---- What receive_message reports --------------------------------------------------------------------------------

void udp_socket::set_report_destination(bool on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::report_destination(socket, families, on);
    });
}

void udp_socket::set_report_destination(bool on) {
    or_throw("moor: set_report_destination", [&](std::error_code& error) { set_report_destination(on, error); });
}

void udp_socket::set_report_hop_limit(bool on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::report_hop_limit(socket, families, on);
    });
}

void udp_socket::set_report_hop_limit(bool on) {
    or_throw("moor: set_report_hop_limit", [&](std::error_code& error) { set_report_hop_limit(on, error); });
}

void udp_socket::set_report_ecn(bool on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::report_ecn(socket, families, on);
    });
}

void udp_socket::set_report_ecn(bool on) {
    or_throw("moor: set_report_ecn", [&](std::error_code& error) { set_report_ecn(on, error); });
}

// ---- Groups ------------------------------------------------------------------------------------------------------

void udp_socket::join_group(const endpoint& group, const local_interface& on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::join_group(socket, families, group, on);
    });
}

void udp_socket::join_group(const endpoint& group, const local_interface& on) {
    or_throw(
        "moor: join group", [&](std::error_code& error) { join_group(group, on, error); }, group);
}

void udp_socket::leave_group(const endpoint& group, const local_interface& on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::leave_group(socket, families, group, on);
    });
}

void udp_socket::leave_group(const endpoint& group, const local_interface& on) {
    or_throw(
        "moor: leave group", [&](std::error_code& error) { leave_group(group, on, error); }, group);
}

void udp_socket::set_multicast_interface(const local_interface& by, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::set_multicast_interface(socket, families, by);
    });
}

void udp_socket::set_multicast_interface(const local_interface& by) {
    or_throw("moor: set_multicast_interface", [&](std::error_code& error) { set_multicast_interface(by, error); });
}

void udp_socket::set_multicast_hop_limit(std::uint8_t hops, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::set_multicast_hop_limit(socket, families, hops);
    });
}

void udp_socket::set_multicast_hop_limit(std::uint8_t hops) {
    or_throw("moor: set_multicast_hop_limit", [&](std::error_code& error) { set_multicast_hop_limit(hops, error); });
}

void udp_socket::set_multicast_loop(bool on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&](const win::unique_socket& socket, net::datagram_families families) {
        return net::set_multicast_loop(socket, families, on);
    });
}

void udp_socket::set_multicast_loop(bool on) {
    or_throw("moor: set_multicast_loop", [&](std::error_code& error) { set_multicast_loop(on, error); });
}

} // namespace moor
