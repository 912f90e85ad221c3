// Making a connection: ConnectEx on a bound socket, and the choice among several addresses.
#include <memory>
#include <new>

#include "net/socket_options.hpp"
#include "net/stream_socket.hpp"
#include "win/error.hpp"

namespace moor::detail {
namespace {

win::unique_socket open_bound(address_family family, std::error_code& error) noexcept {
    win::unique_socket socket = net::open_tcp(family, error);
    if (!error) {
        error = net::bind(socket, endpoint::any(family, 0)); // ConnectEx demands it
    }
    return socket;
}

// A socket for a connection to `remote`, bound to any port but the remote one. A local connection from a port to itself
// succeeds where nobody listens: TCP takes the socket's own request for a peer's that opens at the same time (RFC 9293,
// 3.5), and systems do hand out the port that is connected to. Go's dialTCP looks for this, too, when it has happened.
win::unique_socket open_for(const endpoint& remote, std::error_code& error) noexcept {
    win::unique_socket socket = open_bound(remote.family(), error);
    if (!error && net::local_endpoint(socket, error).port() == remote.port() && !error) {
        // The first keeps its port until the second has another one.
        return open_bound(remote.family(), error);
    }
    return socket;
}

} // namespace

std::error_code stream_socket::connect_to(const endpoint& remote, const wait_limit& limit) {
    std::error_code error;
    net::socket_call call(*this, limit, error);
    if (call) {
        static_cast<void>(call.run(
            [&remote](auto& operation, const auto& socket) { return iocp::connect(operation, socket, remote); }));
    }
    return error ? error : iocp::finish_connect(socket());
}

stream_socket* stream_socket::connect(const endpoint& remote, const wait_limit& limit, std::error_code& error) {
    iocp::io_service* const service = iocp::current_io().service;
    if (service == nullptr) {
        error = win::to_error(std::errc::operation_not_permitted);
        return nullptr;
    }
    win::unique_socket socket = open_for(remote, error);
    if (!error) {
        error = service->port.associate(socket);
    }
    if (error) {
        return nullptr;
    }
    std::unique_ptr<stream_socket, iocp::close_and_release> made(new (std::nothrow)
                                                                     stream_socket(std::move(socket), *service));
    if (!made) {
        error = win::to_error(std::errc::not_enough_memory);
        return nullptr;
    }
    error = made->connect_to(remote, limit);
    return error ? nullptr : made.release();
}

stream_socket* stream_socket::connect(std::span<const endpoint> remotes, const wait_limit& limit,
                                      std::error_code& error) {
    error = win::to_error(std::errc::invalid_argument);
    for (std::size_t index = 0; index < remotes.size(); ++index) {
        wait_limit share = limit;
        if (limit.has_deadline()) {
            const auto now = wait_limit::clock::now();
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
