// Starting overlapped calls. Law 1 in its types: each function takes an operation and the caller's data, and no address that
// the system writes a result to. Their implementation is the only source file that names Winsock's overlapped functions.
#pragma once

#include <cstddef>
#include <span>

#include <moor/endpoint.hpp>

#include "iocp/operation.hpp"
#include "win/socket.hpp"

namespace moor::iocp {

/// What became of a submission. A failed one is `completed` with an error in the operation.
enum class submission : bool { completed, pending };

// Each of these begins `call` (which is not pending), and stores the result there when it is completed at once. The data must
// stay where it is until the operation is completed. Lists longer than kernel_parameters::most_buffers are cut; empty
// buffers in them are allowed. Any thread; never suspends.

/// Receives into `into`; an empty span waits for readability without a buffer.
[[nodiscard]] submission receive(operation& call, const win::unique_socket& socket, std::span<std::byte> into) noexcept;
[[nodiscard]] submission receive(operation& call, const win::unique_socket& socket,
                                 std::span<const std::span<std::byte>> into) noexcept;

[[nodiscard]] submission send(operation& call, const win::unique_socket& socket, std::span<const std::byte> data) noexcept;
[[nodiscard]] submission send(operation& call, const win::unique_socket& socket,
                              std::span<const std::span<const std::byte>> data) noexcept;

/// Accepts into the unbound socket `accepted`. Addresses land in the operation. The caller then calls
/// finish_accept on the accepted socket.
[[nodiscard]] submission accept(operation& call, const win::unique_socket& listener,
                                const win::unique_socket& accepted) noexcept;

/// Gives an accepted socket the listener's properties (SO_UPDATE_ACCEPT_CONTEXT).
[[nodiscard]] std::error_code finish_accept(const win::unique_socket& accepted, const win::unique_socket& listener) noexcept;

/// Connects `socket`, which must be bound. The caller then calls finish_connect.
[[nodiscard]] submission connect(operation& call, const win::unique_socket& socket, const endpoint& remote) noexcept;
[[nodiscard]] std::error_code finish_connect(const win::unique_socket& socket) noexcept;

/// Asks for the cancellation of one call (CancelIoEx); its packet still comes. Harmless when it has completed.
void cancel(operation& call, win::io_handle handle) noexcept;

/// Asks for the cancellation of every call on the handle.
void cancel_all(win::io_handle handle) noexcept;

/// An endpoint as Winsock wants it, and back.
int to_sockaddr(const endpoint& from, sockaddr_storage& into) noexcept;
[[nodiscard]] endpoint from_sockaddr(const sockaddr_storage& from) noexcept;

} // namespace moor::iocp
