// moor::tcp_stream: the public face of stream_socket, with both forms of every call.
#include <moor/tcp.hpp>

#include "net/socket_options.hpp"
#include "net/stream_socket.hpp"
#include "net/throwing.hpp"
#include "win/error.hpp"

namespace moor {
namespace {

using detail::stream_socket;
using net::or_throw;

// What a stream that was never connected, or was moved from, reports.
std::error_code not_connected() noexcept { return win::to_error(std::errc::not_connected); }

template <class Call>
std::size_t transfer(stream_socket* socket, std::error_code& error, Call&& call) {
    if (socket == nullptr) {
        error = not_connected();
        return 0;
    }
    return call(*socket);
}

template <class Function>
void configure(stream_socket* socket, std::error_code& error, Function&& function) noexcept {
    error = socket != nullptr ? socket->with_socket(std::forward<Function>(function)) : not_connected();
}

} // namespace

void detail::close_stream::operator()(stream_socket* owned) const noexcept { io::close_and_release{}(owned); }

tcp_stream::tcp_stream() noexcept = default;
tcp_stream::tcp_stream(tcp_stream&&) noexcept = default;
tcp_stream& tcp_stream::operator=(tcp_stream&&) noexcept = default;
tcp_stream::~tcp_stream() = default;

tcp_stream::tcp_stream(stream_socket* adopted) noexcept : socket_(adopted) {}

// ---- Connecting --------------------------------------------------------------------------------------------------

tcp_stream tcp_stream::connect(const endpoint& remote, const wait_limit& limit, std::error_code& error) {
    return tcp_stream(stream_socket::connect(remote, limit, error));
}

tcp_stream tcp_stream::connect(const endpoint& remote, const wait_limit& limit) {
    return or_throw(
        "moor: connect to", [&](std::error_code& error) { return connect(remote, limit, error); }, remote);
}

tcp_stream tcp_stream::connect(std::span<const endpoint> remotes, const wait_limit& limit, std::error_code& error) {
    return tcp_stream(stream_socket::connect(remotes, limit, error));
}

tcp_stream tcp_stream::connect(std::span<const endpoint> remotes, const wait_limit& limit) {
    const auto call = [&](std::error_code& error) { return connect(remotes, limit, error); };
    return remotes.empty() ? or_throw("moor: connect", call)
                           : or_throw("moor: connect to one of several endpoints, the last", call, remotes.back());
}

// ---- Transfers ---------------------------------------------------------------------------------------------------

std::size_t tcp_stream::read_some(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error) {
    return transfer(socket_.get(), error, [&](auto& socket) { return socket.read_some(buffer, limit, error); });
}

std::size_t tcp_stream::read_some(std::span<std::byte> buffer, const wait_limit& limit) {
    return or_throw("moor: read", [&](std::error_code& error) { return read_some(buffer, limit, error); });
}

std::size_t tcp_stream::read_some(std::span<const std::span<std::byte>> buffers, const wait_limit& limit,
                                  std::error_code& error) {
    return transfer(socket_.get(), error, [&](auto& socket) { return socket.read_some(buffers, limit, error); });
}

std::size_t tcp_stream::read_some(std::span<const std::span<std::byte>> buffers, const wait_limit& limit) {
    return or_throw("moor: read", [&](std::error_code& error) { return read_some(buffers, limit, error); });
}

std::size_t tcp_stream::read_exactly(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error) {
    return transfer(socket_.get(), error, [&](auto& socket) { return socket.read_exactly(buffer, limit, error); });
}

std::size_t tcp_stream::read_exactly(std::span<std::byte> buffer, const wait_limit& limit) {
    return or_throw("moor: read", [&](std::error_code& error) { return read_exactly(buffer, limit, error); });
}

std::size_t tcp_stream::write(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error) {
    return transfer(socket_.get(), error, [&](auto& socket) { return socket.write(data, limit, error); });
}

std::size_t tcp_stream::write(std::span<const std::byte> data, const wait_limit& limit) {
    return or_throw("moor: write", [&](std::error_code& error) { return write(data, limit, error); });
}

std::size_t tcp_stream::write(std::span<const std::span<const std::byte>> buffers, const wait_limit& limit,
                              std::error_code& error) {
    return transfer(socket_.get(), error, [&](auto& socket) { return socket.write(buffers, limit, error); });
}

std::size_t tcp_stream::write(std::span<const std::span<const std::byte>> buffers, const wait_limit& limit) {
    return or_throw("moor: write", [&](std::error_code& error) { return write(buffers, limit, error); });
}

std::uint64_t tcp_stream::send_file(const sendable_file& file, std::uint64_t offset, std::uint64_t length,
                                    const wait_limit& limit, std::error_code& error) {
    return transfer(socket_.get(), error,
                    [&](auto& socket) { return socket.send_file(file, offset, length, limit, error); });
}

std::uint64_t tcp_stream::send_file(const sendable_file& file, std::uint64_t offset, std::uint64_t length,
                                    const wait_limit& limit) {
    return or_throw("moor: send_file",
                    [&](std::error_code& error) { return send_file(file, offset, length, limit, error); });
}

void tcp_stream::wait_readable(const wait_limit& limit, std::error_code& error) {
    if (!socket_) {
        error = not_connected();
        return;
    }
    socket_->wait_readable(limit, error);
}

void tcp_stream::wait_readable(const wait_limit& limit) {
    or_throw("moor: wait_readable", [&](std::error_code& error) { wait_readable(limit, error); });
}

// ---- Ending ------------------------------------------------------------------------------------------------------

void tcp_stream::shutdown(shutdown_side side, std::error_code& error) noexcept {
    configure(socket_.get(), error, [side](const win::unique_socket& socket) {
        switch (side) {
        case shutdown_side::receive: return net::shut_down(socket, SD_RECEIVE);
        case shutdown_side::send: return net::shut_down(socket, SD_SEND);
        case shutdown_side::both: break;
        }
        return net::shut_down(socket, SD_BOTH);
    });
}

void tcp_stream::shutdown(shutdown_side side) {
    or_throw("moor: shutdown", [&](std::error_code& error) { shutdown(side, error); });
}

void tcp_stream::close() noexcept {
    if (socket_) {
        socket_->close();
    }
}

void tcp_stream::close_and_wait(const wait_limit& limit, std::error_code& error) {
    error.clear();
    if (socket_) {
        error = socket_->close_and_wait(limit);
    }
}

void tcp_stream::close_and_wait(const wait_limit& limit) {
    or_throw("moor: close_and_wait", [&](std::error_code& error) { close_and_wait(limit, error); });
}

void tcp_stream::reset() noexcept {
    if (socket_) {
        static_cast<void>(socket_->with_socket(&net::set_reset_on_close)); // at worst the peer reads an ordinary end
        socket_->close();
    }
}

bool tcp_stream::is_open() const noexcept { return socket_ && !socket_->closing(); }

// ---- Properties --------------------------------------------------------------------------------------------------

void tcp_stream::set_deadline(wait_limit::time_point deadline) noexcept {
    if (socket_) {
        socket_->set_deadline(deadline);
    }
}

endpoint tcp_stream::local_endpoint() const {
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

endpoint tcp_stream::remote_endpoint() const {
    return or_throw("moor: remote_endpoint", [&](std::error_code& error) {
        endpoint remote;
        configure(socket_.get(), error, [&remote](const win::unique_socket& socket) {
            std::error_code failed;
            remote = net::remote_endpoint(socket, failed);
            return failed;
        });
        return remote;
    });
}

void tcp_stream::set_no_delay(bool on, std::error_code& error) noexcept {
    configure(socket_.get(), error, [on](const win::unique_socket& socket) { return net::set_no_delay(socket, on); });
}

void tcp_stream::set_no_delay(bool on) {
    or_throw("moor: set_no_delay", [&](std::error_code& error) { set_no_delay(on, error); });
}

void tcp_stream::set_keep_alive(const keep_alive& probing, std::error_code& error) noexcept {
    configure(socket_.get(), error, [&probing](const win::unique_socket& socket) {
        return iocp::keep_alive(socket, probing.idle, probing.interval);
    });
}

void tcp_stream::set_keep_alive(const keep_alive& probing) {
    or_throw("moor: set_keep_alive", [&](std::error_code& error) { set_keep_alive(probing, error); });
}

void tcp_stream::set_receive_buffer_size(std::size_t bytes, std::error_code& error) noexcept {
    configure(socket_.get(), error,
              [bytes](const win::unique_socket& socket) { return net::set_receive_buffer(socket, bytes); });
}

void tcp_stream::set_receive_buffer_size(std::size_t bytes) {
    or_throw("moor: set_receive_buffer_size", [&](std::error_code& error) { set_receive_buffer_size(bytes, error); });
}

void tcp_stream::set_send_buffer_size(std::size_t bytes, std::error_code& error) noexcept {
    configure(socket_.get(), error,
              [bytes](const win::unique_socket& socket) { return net::set_send_buffer(socket, bytes); });
}

void tcp_stream::set_send_buffer_size(std::size_t bytes) {
    or_throw("moor: set_send_buffer_size", [&](std::error_code& error) { set_send_buffer_size(bytes, error); });
}

std::uintptr_t tcp_stream::native_handle() const noexcept {
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
