// What streams and datagram sockets share: the socket, its closing protocol (shared_handle), a deadline of its own, and
// one call of a coroutine on it. The path of a call that completes at once: one counted use, one operation from the
// worker's own cache, one system call; no lock, no allocation, no switch.
#pragma once

#include <atomic>
#include <optional>
#include <system_error>
#include <utility>

#include <moor/wait_limit.hpp>

#include "io/io_context.hpp"
#include "io/shared_handle.hpp"
#include "iocp/overlapped_calls.hpp"
#include "win/error.hpp"

namespace moor::io {

/// A socket of one runtime, bound to its completion port.
class io_socket : public shared_handle {
public:
    /// For every later call, beside its own limit; time_point::max() for none.
    void set_deadline(wait_limit::time_point deadline) noexcept {
        deadline_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
    }

    /// Calls `function(socket)`, which reports a std::error_code and does not wait, unless the socket is closed.
    template <class Function>
    std::error_code with_socket(Function&& function) noexcept {
        const use open(*this);
        return open ? function(socket_) : win::to_error(std::errc::operation_canceled);
    }

protected:
    /// `socket` is associated with `service`'s port.
    io_socket(win::unique_socket socket, iocp::io_service& service) noexcept
        : shared_handle(service), socket_(std::move(socket)) {}

    [[nodiscard]] const win::unique_socket& socket() const noexcept { return socket_; }

private:
    friend class socket_call;

    [[nodiscard]] wait_limit::time_point deadline() const noexcept {
        return wait_limit::time_point(wait_limit::clock::duration(deadline_.load(std::memory_order_relaxed)));
    }

    [[nodiscard]] win::io_handle borrow() const noexcept override { return win::io_handle(socket_); }
    void close_handle() noexcept override { socket_.close(); }

    win::unique_socket socket_;
    std::atomic<wait_limit::clock::rep> deadline_{wait_limit::time_point::max().time_since_epoch().count()};
};

/// One call of a coroutine on a socket: a use of it, the effective limit, and an operation for as many submissions as
/// the call takes.
class socket_call {
public:
    /// False afterwards, with `error` set, when the call may not begin.
    socket_call(io_socket& used, const wait_limit& limit, std::error_code& error) noexcept;

    explicit operator bool() const noexcept { return static_cast<bool>(call_); }

    /// Submits once through `start(operation, socket)` and waits for the end. Returns the bytes transferred, 0 with an
    /// error.
    template <class Start>
    std::size_t run(Start&& start) noexcept {
        if (std::exchange(used_, true)) {
            here_ = current_io(); // the last submission may have moved the coroutine
        }
        return finish(start(*call_, std::as_const(socket_.socket_)));
    }

    /// The same for one more submission of a call that has something: does not wait for more. What the system does not
    /// have at hand is cancelled, and 0 with an error then.
    template <class Start>
    std::size_t run_at_once(Start&& start) noexcept {
        here_ = current_io();
        const iocp::submission submitted = start(*call_, std::as_const(socket_.socket_));
        if (submitted == iocp::submission::pending) {
            cancel_and_await(*call_, socket_.borrow());
        }
        return finish(submitted);
    }

    /// Between two submissions of one call: whether the limits still allow the next one.
    [[nodiscard]] bool may_go_on() noexcept;

    /// After run(): where the results are.
    [[nodiscard]] const iocp::operation& operation() const noexcept { return *call_; }

    /// The same as Winsock words it. Only after a success whose packet came.
    [[nodiscard]] iocp::winsock_result result() noexcept { return iocp::result_of(*call_, socket_.socket_); }

private:
    std::size_t finish(iocp::submission submitted) noexcept;

    [[nodiscard]] const wait_limit& limit() const noexcept { return narrowed_ ? *narrowed_ : limit_; }

    io_socket& socket_;
    const shared_handle::use open_;
    const wait_limit& limit_;
    std::error_code& error_;
    std::optional<wait_limit> narrowed_; // by the socket's own deadline
    io_context here_;
    bool used_ = false;
    operation_owner call_;
};

} // namespace moor::io
