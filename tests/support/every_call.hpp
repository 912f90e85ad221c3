// Every overlapped call that the library makes, as one list, made the way all its sockets make them: a use of the
// socket, an operation, a wait with limits (io::socket_call). For tests that must leave out none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include <moor/stack.hpp>
#include <moor/wait_limit.hpp>

#include "io/io_socket.hpp"
#include "net/throwing.hpp"
#include "support/adversary.hpp"

namespace moor::test {

/// A socket whose calls are the test's choice.
class any_socket final : public io::io_socket {
public:
    /// Of the calling coroutine's runtime.
    explicit any_socket(win::unique_socket socket)
        : io_socket(std::move(socket), *io::current_io().service), handle_(this->socket().get()) {}

    template <class Start>
    std::size_t call(const wait_limit& limit, std::error_code& error, Start&& start) noexcept {
        ensure_stack(512); // what a call of a public socket has
        io::socket_call made(*this, limit, error);
        return made ? made.run(start) : 0;
    }

    /// Its value, also when it is closed.
    [[nodiscard]] SOCKET handle() const noexcept { return handle_; }

private:
    const SOCKET handle_;
};

struct overlapped_call {
    const char* name;
    adversary::kind kind;
    bool takes_datagrams; ///< of a datagram socket
    std::uint32_t bytes;  ///< that a success transfers
    /// Makes the call with buffers in its own frame; what end_call() gave must be in them, and nothing around them must
    /// have changed, or it says so in `intact`.
    std::size_t (*run)(any_socket& socket, const wait_limit& limit, std::error_code& error, bool& intact);
};

[[nodiscard]] std::span<const overlapped_call> every_call();

} // namespace moor::test
