// See datagram_socket.hpp.
#include "net/datagram_socket.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include "iocp/socket_address.hpp"
#include "net/socket_options.hpp"

namespace moor::detail {

using net::socket_call;

namespace {

// A datagram goes in one call or not at all.
template <class Byte>
bool fits_one_call(std::span<const std::span<Byte>> buffers) noexcept {
    return std::count_if(buffers.begin(), buffers.end(), [](auto each) { return !each.empty(); }) <=
           static_cast<std::ptrdiff_t>(iocp::kernel_parameters::most_buffers);
}

// What ICMP said of a datagram that left before: port unreachable (refused, as Wine or the kernel's status has it), or
// out of hops. The system tells whichever call comes next.
bool is_of_an_earlier_datagram(const std::error_code& error) noexcept {
    return error == std::errc::connection_reset || error == std::errc::connection_refused ||
           error == std::errc::network_reset;
}

bool is_ipv4(const endpoint& address) noexcept {
    return address.family() == address_family::ipv4 || iocp::is_mapped(address);
}

} // namespace

// Does not skip the packets of successes: see completion_port::associate for handles. A datagram cut short is a
// warning.
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
    auto* const made = new (std::nothrow)
        datagram_socket(std::move(socket), *service, {local.family(), options.dual_stack}, options.report_unreachable);
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

// Submits by `start` until the result is of this call's own datagram, or was asked for.
template <class Start>
void datagram_socket::run(socket_call& call, std::error_code& error, Start start) {
    do {
        static_cast<void>(call.run(start));
    } while (is_of_an_earlier_datagram(error) && !reports_unreachable_ && call.may_go_on());
}

void datagram_socket::send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                              std::error_code& error) {
    socket_call call(*this, limit, error);
    if (call) {
        run(call, error,
            [&](auto& operation, const auto& socket) { return iocp::send_to(operation, socket, data, remote); });
    }
}

void datagram_socket::send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                                   const message_options& options, const wait_limit& limit, std::error_code& error) {
    if (!fits_one_call(buffers) || (options.source && is_ipv4(*options.source) != is_ipv4(remote))) {
        error = win::to_error(std::errc::invalid_argument);
        return;
    }
    iocp::packet_details details{options.source, options.interface_index, options.hop_limit, {}};
    if (options.ecn) {
        details.congestion = static_cast<std::uint8_t>(*options.ecn);
    }
    socket_call call(*this, limit, error);
    if (call) {
        run(call, error, [&](auto& operation, const auto& socket) {
            return iocp::send_message(operation, socket, buffers, remote, details);
        });
    }
}

void datagram_socket::send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error) {
    socket_call call(*this, limit, error);
    if (call && !has_peer_.load(std::memory_order_relaxed)) {
        error = win::to_error(std::errc::not_connected);
    } else if (call) {
        run(call, error, [data](auto& operation, const auto& socket) { return iocp::send(operation, socket, data); });
    }
}

// ---- Receiving ---------------------------------------------------------------------------------------------------

// Then `take(call, truncated)`, unless there is an error.
template <class Start, class Take>
void datagram_socket::receive_one(const wait_limit& limit, std::error_code& error, Start start, Take take) {
    socket_call call(*this, limit, error);
    if (!call) {
        return;
    }
    run(call, error, start);
    const bool truncated = error == std::errc::message_size;
    if (truncated) {
        error.clear();
    }
    if (!error) {
        take(call, truncated);
    }
}

received_datagram datagram_socket::receive_from(std::span<std::byte> buffer, const wait_limit& limit,
                                                std::error_code& error) {
    received_datagram received;
    receive_one(
        limit, error,
        [buffer](auto& operation, const auto& socket) { return iocp::receive_from(operation, socket, buffer); },
        [&received](socket_call& call, bool truncated) {
            received.bytes = call.operation().transferred();
            received.sender = iocp::from_sockaddr(call.operation().parameters.address);
            received.truncated = truncated;
        });
    return received;
}

received_message datagram_socket::receive_message(std::span<const std::span<std::byte>> buffers,
                                                  const wait_limit& limit, std::error_code& error) {
    received_message received;
    if (!fits_one_call(buffers)) {
        error = win::to_error(std::errc::invalid_argument);
        return received;
    }
    receive_one(
        limit, error,
        [buffers](auto& operation, const auto& socket) { return iocp::receive_message(operation, socket, buffers); },
        [&received](socket_call& call, bool truncated) {
            const iocp::kernel_parameters& parameters = call.operation().parameters;
            received.bytes = call.operation().transferred();
            received.sender = iocp::from_sockaddr(parameters.address);
            // A system may call it a success, and only its flags say that something is missing.
            const DWORD flags = parameters.message.dwFlags | call.result().flags;
            received.truncated = truncated || (flags & (MSG_TRUNC | MSG_PARTIAL)) != 0;
            const iocp::packet_details details = iocp::read_details(parameters);
            received.destination = details.local;
            received.interface_index = details.interface_index;
            received.hop_limit = details.hop_limit;
            if (details.congestion) {
                received.ecn = static_cast<ecn_mark>(*details.congestion);
            }
        });
    return received;
}

} // namespace moor::detail
