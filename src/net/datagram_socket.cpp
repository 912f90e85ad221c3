// A call that only reports what became of an earlier datagram is made again, unless the program has asked for these
// reports.
#include "net/datagram_socket.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include "iocp/socket_address.hpp"
#include "net/failure.hpp"
#include "net/socket_options.hpp"

namespace moor::detail {

namespace {

// A datagram goes in one call or not at all.
template <class Byte>
bool fits_one_call(std::span<const std::span<Byte>> buffers) noexcept {
    return std::count_if(buffers.begin(), buffers.end(), [](auto each) { return !each.empty(); }) <=
           static_cast<std::ptrdiff_t>(iocp::kernel_parameters::most_buffers);
}

// The network answers a datagram that it does not deliver (ICMP: nobody at the port, no route, out of hops, forbidden),
// and the system tells whichever call comes next. Nothing that was received can be the reason for such an error.
bool was_sent_before_a_receive(const std::error_code& error, bool by_packet) noexcept {
    return net::whose_failure(error, by_packet) == net::failure_of::network;
}

// A datagram that is about to leave may itself lack a route or a permission; but nobody has answered it.
bool was_sent_before_a_send(const std::error_code& error, bool) noexcept {
    return error == std::errc::connection_reset || error == std::errc::connection_refused ||
           error == std::errc::network_reset;
}

bool is_ipv4(const endpoint& address) noexcept { return address.unmapped().family() == address_family::ipv4; }

} // namespace

// Does not skip the packets of successes: see completion_port::associate for handles. A datagram cut short is a
// warning.
datagram_socket* datagram_socket::open(const endpoint& wanted, const udp_options& options, std::error_code& error) {
    iocp::io_service* const service = io::current_io().service;
    if (service == nullptr) {
        error = win::to_error(win::misuse::outside_coroutine);
        return nullptr;
    }
    const endpoint local = options.dual_stack ? wanted : wanted.unmapped();
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
    // Where the system does not know a control code, the calls pass over the report.
    static_cast<void>(iocp::report_undelivered(socket, options.report_unreachable));
    auto* const made = new (std::nothrow)
        datagram_socket(std::move(socket), *service, {local.family(), options.dual_stack}, options.report_unreachable);
    if (made == nullptr) {
        error = win::to_error(std::errc::not_enough_memory);
    }
    return made;
}

endpoint datagram_socket::reachable(const endpoint& remote) const noexcept {
    const endpoint somebody = net::destination_of(remote);
    if (families_.own == address_family::ipv4) {
        return somebody.unmapped();
    }
    return families_.dual_stack ? somebody.mapped() : somebody;
}

std::error_code datagram_socket::connect(const endpoint& remote) noexcept {
    return with_socket([&](const win::unique_socket& socket) {
        const std::error_code error = net::set_default_peer(socket, reachable(remote));
        if (!error) {
            has_peer_.store(true, std::memory_order_relaxed);
        }
        return error;
    });
}

// Submits by `start` until the result is of this call's own datagram, or was asked for.
template <class Start>
void datagram_socket::run(io::socket_call& call, const wait_limit& limit, std::error_code& error, Start start,
                          bool (*was_sent_before)(const std::error_code&, bool) noexcept) {
    for (net::patience others;; others.passed_over(limit)) {
        static_cast<void>(call.run(start));
        if (!error || reports_unreachable_ || !was_sent_before(error, call.operation().ended_by_packet()) ||
            !call.may_go_on()) {
            return;
        }
    }
}

void datagram_socket::send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                              std::error_code& error) {
    const endpoint there = reachable(remote);
    io::socket_call call(*this, limit, error);
    if (call) {
        run(
            call, limit, error,
            [&](auto& operation, const auto& socket) { return iocp::send_to(operation, socket, data, there); },
            &was_sent_before_a_send);
    }
}

void datagram_socket::send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                                   const message_options& options, const wait_limit& limit, std::error_code& error) {
    if (!fits_one_call(buffers)) {
        error = win::to_error(win::misuse::too_many_buffers);
        return;
    }
    if (options.source && is_ipv4(*options.source) != is_ipv4(remote)) {
        error = win::to_error(win::misuse::source_of_another_family);
        return;
    }
    const endpoint there = reachable(remote);
    iocp::packet_details details{options.source, options.interface_index, options.hop_limit, {}};
    if (options.ecn) {
        details.congestion = static_cast<std::uint8_t>(*options.ecn);
    }
    io::socket_call call(*this, limit, error);
    if (call) {
        run(
            call, limit, error,
            [&](auto& operation, const auto& socket) {
                return iocp::send_message(operation, socket, buffers, there, details);
            },
            &was_sent_before_a_send);
    }
}

void datagram_socket::send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error) {
    io::socket_call call(*this, limit, error);
    if (call && !has_peer_.load(std::memory_order_relaxed)) {
        error = win::to_error(std::errc::not_connected);
    } else if (call) {
        run(
            call, limit, error,
            [data](auto& operation, const auto& socket) { return iocp::send(operation, socket, data); },
            &was_sent_before_a_send);
    }
}

// ---- Receiving ---------------------------------------------------------------------------------------------------

// Then `take(call, truncated)`, unless there is an error.
template <class Start, class Take>
void datagram_socket::receive_one(const wait_limit& limit, std::error_code& error, Start start, Take take) {
    io::socket_call call(*this, limit, error);
    if (!call) {
        return;
    }
    run(call, limit, error, start, &was_sent_before_a_receive);
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
        [&received](io::socket_call& call, bool truncated) {
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
        error = win::to_error(win::misuse::too_many_buffers);
        return received;
    }
    receive_one(
        limit, error,
        [buffers](auto& operation, const auto& socket) { return iocp::receive_message(operation, socket, buffers); },
        [&received](io::socket_call& call, bool truncated) {
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
