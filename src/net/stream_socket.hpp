// What is behind a tcp_stream: the socket, its closing protocol (shared_handle) and its transfers.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <moor/endpoint.hpp>
#include <moor/wait_limit.hpp>

#include "iocp/io_context.hpp"
#include "iocp/overlapped_calls.hpp"
#include "iocp/shared_handle.hpp"
#include "win/error.hpp"

namespace moor::detail {

/// A stream socket of one runtime, bound to its completion port. Contracts of the calls are those of tcp_stream.
class stream_socket final : public iocp::shared_handle {
public:
    /// `socket` is connected and associated with `service`'s port, or about to be (connect).
    stream_socket(win::unique_socket socket, iocp::io_service& service) noexcept
        : socket_(std::move(socket)), service_(service) {}

    /// Null with an error. The caller owns the reference. Both are in connect.cpp.
    [[nodiscard]] static stream_socket* connect(const endpoint& remote, const wait_limit& limit,
                                                std::error_code& error);
    [[nodiscard]] static stream_socket* connect(std::span<const endpoint> remotes, const wait_limit& limit,
                                                std::error_code& error);

    std::size_t read_some(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error);
    std::size_t read_some(std::span<const std::span<std::byte>> buffers, const wait_limit& limit,
                          std::error_code& error);
    std::size_t read_exactly(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error);
    std::size_t write(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error);
    std::size_t write(std::span<const std::span<const std::byte>> buffers, const wait_limit& limit,
                      std::error_code& error);
    void wait_readable(const wait_limit& limit, std::error_code& error);

    void set_deadline(wait_limit::time_point deadline) noexcept {
        deadline_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
    }

    /// Calls `function(socket)`, which reports a std::error_code and does not wait, unless the stream is closed.
    template <class Function>
    std::error_code with_socket(Function&& function) noexcept {
        const use open(*this);
        return open ? function(socket_) : win::to_error(std::errc::operation_canceled);
    }

private:
    class transfer;

    std::error_code connect_to(const endpoint& remote, const wait_limit& limit);

    [[nodiscard]] wait_limit::time_point deadline() const noexcept {
        return wait_limit::time_point(wait_limit::clock::duration(deadline_.load(std::memory_order_relaxed)));
    }

    [[nodiscard]] win::io_handle borrow() const noexcept override { return win::io_handle(socket_); }
    void close_handle() noexcept override { socket_.close(); }

    win::unique_socket socket_;
    iocp::io_service& service_;
    std::atomic<wait_limit::clock::rep> deadline_{wait_limit::time_point::max().time_since_epoch().count()};
};

/// One call of a coroutine on a stream: a use of the socket, the effective limit, and an operation for as many
/// submissions as the call takes.
class stream_socket::transfer {
public:
    /// False afterwards, with `error` set, when the call may not begin.
    transfer(stream_socket& stream, const wait_limit& limit, std::error_code& error) noexcept;

    explicit operator bool() const noexcept { return static_cast<bool>(call_); }

    /// Submits once through `start(operation, socket)` and waits for the end. Returns the bytes transferred, 0 with an
    /// error.
    template <class Start>
    std::size_t run(Start&& start) noexcept {
        if (std::exchange(used_, true)) {
            here_ = iocp::current_io(); // the last submission may have moved the coroutine
        }
        return finish(start(*call_, std::as_const(stream_.socket_)));
    }

    /// Between two submissions of one call: whether the limits still allow the next one.
    [[nodiscard]] bool may_go_on() noexcept;

private:
    std::size_t finish(iocp::submission submitted) noexcept;

    [[nodiscard]] const wait_limit& limit() const noexcept { return narrowed_ ? *narrowed_ : limit_; }

    stream_socket& stream_;
    const use open_;
    const wait_limit& limit_;
    std::error_code& error_;
    std::optional<wait_limit> narrowed_; // by the stream's own deadline
    iocp::io_context here_;
    bool used_ = false;
    iocp::operation_owner call_;
};

} // namespace moor::detail
