// See datagram_socket.hpp.
#include "net/datagram_socket.hpp"

#include <memory>
#include <new>

#include "iocp/socket_address.hpp"
#include "net/socket_options.hpp"

namespace moor::detail {

using net::socket_call;

// Successes post packets as well: a call that ends at once with a warning (a datagram cut short) posts one in any case
// unless the socket skips those of successes, and whether it does then is documented nowhere.
datagram_socket* datagram_socket::open(const endpoint& local, const udp_options& options, std::error_code& error) {
    iocp::io_service* const service = iocp::current_io().service;
    if (service == nullptr) {
        error = win::to_error(std::errc::operation_not_permitted);
        return nullptr;
    }
    win::unique_socket socket = net::open_udp(local.family(), error);
    if (!error && local.family() == address_family::ipv6) {
        error = net::set_ipv6_only(socket, !options.dual_stack);
    }
    if (!error) {
        error = options.reuse_address ? net::set_shared_address(socket) : net::set_exclusive_address(socket);
    }
    if (!error) {
        error = net::bind(socket, local);
    }
    if (!error) {
        bool skips = false;
        error = service->port.associate(win::io_handle(socket).get(), skips);
    }
    if (error) {
        return nullptr;
    }
    // Where the system does not know the control code, receive_from passes over the report.
    static_cast<void>(iocp::report_unreachable(socket, options.report_unreachable));
    auto* const made = new (std::nothrow) datagram_socket(std::move(socket), *service, options.report_unreachable);
    if (made == nullptr) {
        error = win::to_error(std::errc::not_enough_memory);
    }
    return made;
}

std::error_code datagram_socket::connect(const endpoint& remote) noexcept {
    return with_socket([&](const win::unique_socket& socket) {
        const std::error_code error = net::set_default_peer(socket, remote);
        if (!error) {
            has_peer_.store(true, std::memory_order_relaxed);
        }
        return error;
    });
}

void datagram_socket::send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                              std::error_code& error) {
    socket_call call(*this, limit, error);
    if (call) {
        static_cast<void>(call.run(
            [&](auto& operation, const auto& socket) { return iocp::send_to(operation, socket, data, remote); }));
    }
}

void datagram_socket::send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error) {
    socket_call call(*this, limit, error);
    if (call && !has_peer_.load(std::memory_order_relaxed)) {
        error = win::to_error(std::errc::not_connected);
    } else if (call) {
        static_cast<void>(
            call.run([data](auto& operation, const auto& socket) { return iocp::send(operation, socket, data); }));
    }
}

received_datagram datagram_socket::receive_from(std::span<std::byte> buffer, const wait_limit& limit,
                                                std::error_code& error) {
    socket_call call(*this, limit, error);
    received_datagram received;
    while (call) {
        static_cast<void>(call.run(
            [buffer](auto& operation, const auto& socket) { return iocp::receive_from(operation, socket, buffer); }));
        if (error == std::errc::connection_reset && !reports_unreachable_) {
            if (!call.may_go_on()) {
                break;
            }
            continue; // of another datagram, which nobody took
        }
        if (error == std::errc::message_size) {
            error.clear();
            received.truncated = true;
        }
        if (!error) {
            received.bytes = call.operation().transferred();
            received.sender = iocp::from_sockaddr(call.operation().parameters.address);
        }
        break;
    }
    return received;
}

} // namespace moor::detail
