// Making a connection: ConnectEx on a bound socket, and the choice among several addresses.
#include <memory>
#include <new>

#include "net/socket_options.hpp"
#include "net/stream_socket.hpp"
#include "win/error.hpp"

namespace moor::detail {
namespace {

win::unique_socket open_bound(const endpoint& remote, std::error_code& error) noexcept {
    win::unique_socket socket = net::open_tcp(remote.family(), error);
    if (!error) {
        // Systems that know neither are slower, or have fewer ports.
        static_cast<void>(net::set_shared_outgoing_port(socket));
        if (remote.is_loopback()) {
            static_cast<void>(iocp::connect_without_retries(socket));
        }
        error = net::bind(socket, endpoint::any(remote.family(), 0)); // ConnectEx demands it
    }
    return socket;
}

// A local connection from a port to itself succeeds where nobody listens: TCP takes the socket's own request for a
// peer's that opens at the same time (RFC 9293, 3.5), and systems do hand out the port that is connected to. So the
// socket is bound to any port but the remote one; where the system chooses the port as late as it connects, it is
// looked at afterwards, as Go's dialTCP does.
struct outgoing {
    win::unique_socket socket;
    bool has_port = false;
};

outgoing open_for(const endpoint& remote, std::error_code& error) noexcept {
    outgoing made{open_bound(remote, error)};
    if (error) {
        return made;
    }
    const std::uint16_t port = net::local_endpoint(made.socket, error).port();
    made.has_port = port != 0;
    if (!error && port == remote.port()) {
        made.socket = open_bound(remote, error); // the first keeps its port until the second has another one
    }
    return made;
}

// The connection is the socket's own, and nobody else's.
bool has_met_itself(const win::unique_socket& socket, std::error_code& error) noexcept {
    const endpoint own = net::local_endpoint(socket, error);
    return !error && own == net::remote_endpoint(socket, error) && !error;
}

} // namespace

std::error_code stream_socket::connect_to(const endpoint& remote, const wait_limit& limit) {
    std::error_code error;
    io::socket_call call(*this, limit, error);
    if (call) {
        static_cast<void>(call.run(
            [&remote](auto& operation, const auto& socket) { return iocp::connect(operation, socket, remote); }));
    }
    return error ? error : iocp::finish_connect(socket());
}

stream_socket* stream_socket::connect(const endpoint& wanted, const wait_limit& limit, std::error_code& error) {
    iocp::io_service* const service = io::current_io().service;
    if (service == nullptr) {
        error = win::to_error(win::misuse::outside_coroutine);
        return nullptr;
    }
    // A mapped address is IPv4's in another spelling. An IPv6 socket reaches it only when IPV6_V6ONLY is off.
    const endpoint remote = net::destination_of(wanted).unmapped();
    outgoing made_for = open_for(remote, error);
    if (!error) {
        error = service->port.associate(made_for.socket);
    }
    if (error) {
        return nullptr;
    }
    std::unique_ptr<stream_socket, io::close_and_release> made(new (std::nothrow)
                                                                   stream_socket(std::move(made_for.socket), *service));
    if (!made) {
        error = win::to_error(std::errc::not_enough_memory);
        return nullptr;
    }
    error = made->connect_to(remote, limit);
    if (!error && !made_for.has_port && has_met_itself(made->socket(), error)) {
        static_cast<void>(net::set_reset_on_close(made->socket())); // the port is free again at once
        error = win::to_error(static_cast<std::uint32_t>(WSAECONNREFUSED));
    }
    return error ? nullptr : made.release();
}

stream_socket* stream_socket::connect(std::span<const endpoint> remotes, const wait_limit& limit,
                                      std::error_code& error) {
    error = win::to_error(win::misuse::no_endpoint);
    for (std::size_t index = 0; index < remotes.size(); ++index) {
        wait_limit share = limit;
        if (limit.has_deadline()) {
            const auto now = detail::now();
            const auto left = saturated_difference(limit.deadline().time_since_epoch(), now.time_since_epoch()) /
                              static_cast<wait_limit::clock::rep>(remotes.size() - index);
            share = limit.no_later_than(now + left);
        }
        if (stream_socket* const made = connect(remotes[index], share, error)) {
            return made;
        }
        if (error == std::errc::operation_canceled || error == std::errc::operation_not_permitted) {
            break; // the caller was asked to stop, or is no coroutine: no other address would change that
        }
    }
    return nullptr;
}

} // namespace moor::detail
