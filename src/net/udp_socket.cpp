// The public face of datagram_socket: throwing forms, and sockets that are not open.
#include <moor/udp.hpp>

#include <utility>

#include "net/datagram_socket.hpp"
#include "net/socket_options.hpp"
#include "net/throwing.hpp"
#include "win/error.hpp"

namespace moor {

using detail::datagram_socket;
using net::or_throw;

namespace {

std::error_code not_open() noexcept { return win::to_error(std::errc::not_connected); }

template <class Function>
void configure(datagram_socket* socket, std::error_code& error, Function&& function) noexcept {
    error = socket != nullptr ? socket->with_socket(std::forward<Function>(function)) : not_open();
}

} // namespace

void detail::close_datagram_socket::operator()(datagram_socket* owned) const noexcept {
    io::close_and_release{}(owned);
}

udp_socket::udp_socket() noexcept = default;
udp_socket::udp_socket(udp_socket&&) noexcept = default;
udp_socket& udp_socket::operator=(udp_socket&&) noexcept = default;
udp_socket::~udp_socket() = default;

udp_socket::udp_socket(datagram_socket* adopted) noexcept : socket_(adopted) {}

udp_socket udp_socket::bind(const endpoint& local, const udp_options& options, std::error_code& error) {
    return udp_socket(datagram_socket::open(local, options, error));
}

udp_socket udp_socket::bind(const endpoint& local, const udp_options& options) {
    return or_throw(
        "moor: bind to", [&](std::error_code& error) { return bind(local, options, error); }, local);
}

void udp_socket::connect(const endpoint& remote, std::error_code& error) noexcept {
    error = socket_ ? socket_->connect(remote) : not_open();
}

void udp_socket::connect(const endpoint& remote) {
    or_throw(
        "moor: connect to", [&](std::error_code& error) { connect(remote, error); }, remote);
}

// ---- Transfers ---------------------------------------------------------------------------------------------------

void udp_socket::send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                         std::error_code& error) {
    if (!socket_) {
        error = not_open();
        return;
    }
    socket_->send_to(data, remote, limit, error);
}

void udp_socket::send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit) {
    or_throw(
        "moor: send to", [&](std::error_code& error) { send_to(data, remote, limit, error); }, remote);
}

void udp_socket::send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error) {
    if (!socket_) {
        error = not_open();
        return;
    }
    socket_->send(data, limit, error);
}

void udp_socket::send(std::span<const std::byte> data, const wait_limit& limit) {
    or_throw("moor: send", [&](std::error_code& error) { send(data, limit, error); });
}

received_datagram udp_socket::receive_from(std::span<std::byte> buffer, const wait_limit& limit,
                                           std::error_code& error) {
    if (!socket_) {
        error = not_open();
        return {};
    }
    return socket_->receive_from(buffer, limit, error);
}

received_datagram udp_socket::receive_from(std::span<std::byte> buffer, const wait_limit& limit) {
    return or_throw("moor: receive_from", [&](std::error_code& error) { return receive_from(buffer, limit, error); });
}

received_message udp_socket::receive_message(std::span<const std::span<std::byte>> buffers, const wait_limit& limit,
                                             std::error_code& error) {
    if (!socket_) {
        error = not_open();
        return {};
    }
    return socket_->receive_message(buffers, limit, error);
}

received_message udp_socket::receive_message(std::span<const std::span<std::byte>> buffers, const wait_limit& limit) {
    return or_throw("moor: receive_message",
                    [&](std::error_code& error) { return receive_message(buffers, limit, error); });
}

received_message udp_socket::receive_message(std::span<std::byte> buffer, const wait_limit& limit,
                                             std::error_code& error) {
    return receive_message(std::span<const std::span<std::byte>>(&buffer, 1), limit, error);
}

received_message udp_socket::receive_message(std::span<std::byte> buffer, const wait_limit& limit) {
    return or_throw("moor: receive_message",
                    [&](std::error_code& error) { return receive_message(buffer, limit, error); });
}

void udp_socket::send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                              const message_options& options, const wait_limit& limit, std::error_code& error) {
    if (!socket_) {
        error = not_open();
        return;
    }
    socket_->send_message(buffers, remote, options, limit, error);
}

void udp_socket::send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                              const message_options& options, const wait_limit& limit) {
    or_throw(
        "moor: send to", [&](std::error_code& error) { send_message(buffers, remote, options, limit, error); }, remote);
}

void udp_socket::send_message(std::span<const std::byte> data, const endpoint& remote, const message_options& options,
                              const wait_limit& limit, std::error_code& error) {
    send_message(std::span<const std::span<const std::byte>>(&data, 1), remote, options, limit, error);
}

void udp_socket::send_message(std::span<const std::byte> data, const endpoint& remote, const message_options& options,
                              const wait_limit& limit) {
    or_throw(
        "moor: send to", [&](std::error_code& error) { send_message(data, remote, options, limit, error); }, remote);
}

// ---- The rest ----------------------------------------------------------------------------------------------------

void udp_socket::close() noexcept {
    if (socket_) {
        socket_->close();
    }
}

void udp_socket::close_and_wait(const wait_limit& limit, std::error_code& error) {
    error.clear();
    if (socket_) {
        error = socket_->close_and_wait(limit);
    }
}

void udp_socket::close_and_wait(const wait_limit& limit) {
    or_throw("moor: close_and_wait", [&](std::error_code& error) { close_and_wait(limit, error); });
}

bool udp_socket::is_open() const noexcept { return socket_ && !socket_->closing(); }

void udp_socket::set_deadline(wait_limit::time_point deadline) noexcept {
    if (socket_) {
        socket_->set_deadline(deadline);
    }
}

endpoint udp_socket::local_endpoint() const {
    return or_throw("moor: local_endpoint", [&](std::error_code& error) {
        endpoint local;
        configure(socket_.get(), error, [&local](const win::unique_socket& socket) {
            std::error_code failed;
            local = net::local_endpoint(socket, failed);
            return failed;
        });
        return local;
    });
}

std::uintptr_t udp_socket::native_handle() const noexcept {
    std::uintptr_t handle = INVALID_SOCKET;
    if (socket_) {
        static_cast<void>(socket_->with_socket([&handle](const win::unique_socket& socket) {
            handle = socket.get();
            return std::error_code{};
        }));
    }
    return handle;
}

} // namespace moor
