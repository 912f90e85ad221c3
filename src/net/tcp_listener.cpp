// moor::tcp_listener: the public face of listening_socket, with both forms of every call.
#include <moor/tcp.hpp>

#include "net/listening_socket.hpp"
#include "net/throwing.hpp"
#include "win/error.hpp"

namespace moor {

using net::or_throw;

void detail::close_listener::operator()(listening_socket* owned) const noexcept { io::close_and_release{}(owned); }

tcp_listener::tcp_listener() noexcept = default;
tcp_listener::tcp_listener(tcp_listener&&) noexcept = default;
tcp_listener& tcp_listener::operator=(tcp_listener&&) noexcept = default;
tcp_listener::~tcp_listener() = default;

tcp_listener::tcp_listener(detail::listening_socket* adopted) noexcept : socket_(adopted) {}

tcp_listener tcp_listener::bind(const endpoint& local, const listen_options& options, std::error_code& error) {
    return tcp_listener(detail::listening_socket::open(local, options, error));
}

tcp_listener tcp_listener::bind(const endpoint& local, const listen_options& options) {
    return or_throw(
        "moor: listen on", [&](std::error_code& error) { return bind(local, options, error); }, local);
}

tcp_stream tcp_listener::accept(const wait_limit& limit, std::error_code& error) {
    if (!socket_) {
        error = win::to_error(std::errc::not_connected);
        return {};
    }
    return tcp_stream(socket_->accept(limit, error));
}

tcp_stream tcp_listener::accept(const wait_limit& limit) {
    return or_throw("moor: accept", [&](std::error_code& error) { return accept(limit, error); });
}

void tcp_listener::close() noexcept {
    if (socket_) {
        socket_->close();
    }
}

void tcp_listener::close_and_wait(const wait_limit& limit, std::error_code& error) {
    error.clear();
    if (socket_) {
        error = socket_->close_and_wait(limit);
    }
}

void tcp_listener::close_and_wait(const wait_limit& limit) {
    or_throw("moor: close_and_wait", [&](std::error_code& error) { close_and_wait(limit, error); });
}

bool tcp_listener::is_open() const noexcept { return socket_ && !socket_->closing(); }

endpoint tcp_listener::local_endpoint() const {
    if (!socket_) {
        throw std::system_error(win::to_error(std::errc::not_connected), "moor: local_endpoint");
    }
    return socket_->local();
}

std::uintptr_t tcp_listener::native_handle() const noexcept {
    return socket_ ? socket_->native_handle() : INVALID_SOCKET;
}

} // namespace moor
