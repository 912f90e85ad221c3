// Starting overlapped calls. Law 1 in its types: each function takes an operation and the caller's data, and no address
// that the system writes a result to. Their implementation is the only source file that calls Winsock's overlapped
// functions; a test (tests/iocp/kernel_addresses_test.cpp) reads all files and proves it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include <moor/endpoint.hpp>

#include "iocp/operation.hpp"
#include "iocp/packet_details.hpp"
#include "win/socket.hpp"

namespace moor::iocp {

/// Data bytes that one call carries at most; more is left for the next one. Well under what the system's 32-bit counts
/// hold.
inline constexpr std::size_t most_bytes_per_call = std::size_t{1} << 30;

// Each of these begins `call` (which is not pending), and stores the result there when it is completed at once. After
// `pending` the operation belongs to its packet: with a completion handler it may already be gone. The data must stay
// where it is until the operation is completed. Of a list, empty buffers are passed over, `skipped` bytes of the first
// buffer are left out, and no more than kernel_parameters::most_buffers and most_bytes_per_call go into one call. Any
// thread; never suspends.

/// Receives into `into`. An empty span waits until something could be received, without a buffer.
[[nodiscard]] submission receive(operation& call, const win::unique_socket& socket, std::span<std::byte> into) noexcept;
[[nodiscard]] submission receive(operation& call, const win::unique_socket& socket,
                                 std::span<const std::span<std::byte>> into, std::size_t skipped) noexcept;

[[nodiscard]] submission send(operation& call, const win::unique_socket& socket,
                              std::span<const std::byte> data) noexcept;
[[nodiscard]] submission send(operation& call, const win::unique_socket& socket,
                              std::span<const std::span<const std::byte>> data, std::size_t skipped) noexcept;

/// Receives one datagram into `into`, from anybody. The sender is in the operation's parameters when the call is
/// completed, also when it reports WSAEMSGSIZE: the datagram was longer, and the rest of it is lost.
[[nodiscard]] submission receive_from(operation& call, const win::unique_socket& socket,
                                      std::span<std::byte> into) noexcept;

/// Sends one datagram to `remote`.
[[nodiscard]] submission send_to(operation& call, const win::unique_socket& socket, std::span<const std::byte> data,
                                 const endpoint& remote) noexcept;

/// The same with several buffers and, beside the sender, what read_details finds in the operation's parameters; flags
/// are in its message (and see result_of).
[[nodiscard]] submission receive_message(operation& call, const win::unique_socket& socket,
                                         std::span<const std::span<std::byte>> into) noexcept;
[[nodiscard]] submission send_message(operation& call, const win::unique_socket& socket,
                                      std::span<const std::span<const std::byte>> data, const endpoint& remote,
                                      const packet_details& details) noexcept;

/// Sends `bytes` bytes of a file from `offset` on: at least 1, at most most_bytes_per_call.
[[nodiscard]] submission send_file(operation& call, const win::unique_socket& socket, win::io_handle file,
                                   std::uint64_t offset, std::uint32_t bytes) noexcept;

/// Ends a connection in both directions. With `reuse` the socket is as good as a new one afterwards, and stays bound to
/// its completion port: accept() can use it again. Only for a socket that does not skip the packets of successes, or it
/// completes with WSAEINVAL: Wine says "pending" of a call that has succeeded, and so no packet would come.
[[nodiscard]] submission disconnect(operation& call, const win::unique_socket& socket, bool reuse) noexcept;

/// Accepts into the unbound socket `accepted`. The caller then calls finish_accept on the accepted socket.
[[nodiscard]] submission accept(operation& call, const win::unique_socket& listener,
                                const win::unique_socket& accepted) noexcept;

/// Gives an accepted socket the listener's properties, without which most calls on it fail.
[[nodiscard]] std::error_code finish_accept(const win::unique_socket& accepted,
                                            const win::unique_socket& listener) noexcept;

/// Connects `socket`, which must be bound. The caller then calls finish_connect.
[[nodiscard]] submission connect(operation& call, const win::unique_socket& socket, const endpoint& remote) noexcept;
[[nodiscard]] std::error_code finish_connect(const win::unique_socket& socket) noexcept;

/// A call's result as Winsock words it: its own error number instead of the kernel's, and the flags of a receiving
/// call.
struct winsock_result {
    std::uint32_t error = 0;
    std::uint32_t transferred = 0;
    std::uint32_t flags = 0;
};

/// Of a call whose packet was dequeued. Its outputs, too, are fields of the operation.
[[nodiscard]] winsock_result result_of(operation& call, const win::unique_socket& socket) noexcept;

/// Winsock's number for what became of a completed call; 0 for a success. A packet carries the kernel's status, which
/// Winsock has a table for that no other function of the system has: so a failed packet is asked about (result_of). The
/// socket is the one that the call was made on, and open: the caller has a use of it. For an accepting call that is the
/// listener's.
[[nodiscard]] std::uint32_t socket_error(operation& call, const win::unique_socket& socket) noexcept;

/// Asks for the cancellation of one call; its packet still comes. Harmless when it has completed.
void cancel(operation& call, win::io_handle handle) noexcept;

/// Asks for the cancellation of every call on the handle.
void cancel_all(win::io_handle handle) noexcept;

/// Keep-alive probing after `idle` without traffic, every `interval`. Not overlapped; here because its function could
/// be.
[[nodiscard]] std::error_code keep_alive(const win::unique_socket& socket, std::chrono::milliseconds idle,
                                         std::chrono::milliseconds interval) noexcept;

/// Whether a datagram socket's calls report that a datagram which it sent met a closed port, or ran out of hops. Not
/// overlapped either; nor is the next one.
[[nodiscard]] std::error_code report_undelivered(const win::unique_socket& socket, bool on) noexcept;

/// A refusal ends a later connect() at once. As a rule Windows asks twice more, which takes two seconds.
[[nodiscard]] std::error_code connect_without_retries(const win::unique_socket& socket) noexcept;

} // namespace moor::iocp
