// UDP on the completion port: sockets that block the calling coroutine and nothing else. Law 1: sender, flags and
// counts are written into pooled operations, never to a stack; law 3 keeps the caller's data buffer in place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>

#include <moor/endpoint.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

namespace detail {
class datagram_socket;

struct close_datagram_socket {
    void operator()(datagram_socket* owned) const noexcept;
};
} // namespace detail

/// How to open a UDP socket.
struct udp_options {
    /// For an IPv6 socket: whether it exchanges datagrams with IPv4 peers too (as ::ffff:a.b.c.d).
    bool dual_stack = false;
    /// Whether others may bind to the same address, as receivers of one multicast group on a machine want to.
    bool reuse_address = false;
    /// Whether a receiving call reports connection_reset when an earlier datagram of this socket met a closed port
    /// (ICMP port unreachable; SIO_UDP_CONNRESET). Otherwise that is ignored: on a socket with many peers it says
    /// nothing of the datagram that the call waits for. The socket goes on in both cases.
    bool report_unreachable = false;
};

/// What a receiving call took.
struct received_datagram {
    std::size_t bytes = 0;  ///< written to the buffer; an empty datagram has none
    endpoint sender;        ///< who sent it
    bool truncated = false; ///< it was longer than the buffer, and the rest is lost
};

/// A UDP socket. Move-only handle; the socket closes with it, or by close(). Must be gone before its runtime is.
///
/// Any number of coroutines may send and receive at a time; each datagram goes to one receiver. Waiting, limits, stops,
/// closing and errors are as for tcp_stream; nothing of a datagram is lost to a call that ended by deadline or stop,
/// unless it had arrived in the call's buffer already.
class udp_socket {
public:
    /// Not open; every call reports not_connected.
    udp_socket() noexcept;
    udp_socket(udp_socket&&) noexcept;
    udp_socket& operator=(udp_socket&&) noexcept;
    ~udp_socket();

    /// Opens a socket bound to `local`; port 0 lets the system choose. Only from a coroutine. Does not suspend. Errors:
    /// address_in_use, permission_denied, address_not_available, operation_not_permitted (outside a coroutine), …
    [[nodiscard]] static udp_socket bind(const endpoint& local, const udp_options& options = {});
    [[nodiscard]] static udp_socket bind(const endpoint& local, const udp_options& options, std::error_code& error);

    /// From now on send() sends to `remote`, and only its datagrams are received. Does not suspend, and says nothing
    /// about whether anybody is there.
    void connect(const endpoint& remote);
    void connect(const endpoint& remote, std::error_code& error) noexcept;

    /// Sends one datagram, whole. Errors: message_size (longer than the system sends), not_connected (send() before
    /// connect()), network_unreachable, permission_denied (a broadcast address without set_broadcast), …
    void send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit = {});
    void send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                 std::error_code& error);
    void send(std::span<const std::byte> data, const wait_limit& limit = {});
    void send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error);

    /// Waits for one datagram. One that does not fit is no error: see received_datagram::truncated.
    [[nodiscard]] received_datagram receive_from(std::span<std::byte> buffer, const wait_limit& limit = {});
    [[nodiscard]] received_datagram receive_from(std::span<std::byte> buffer, const wait_limit& limit,
                                                 std::error_code& error);

    /// Closes the socket. Does not suspend; any coroutine of the runtime; calls in progress report operation_canceled.
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept;

    /// A deadline for every later call on this socket, beside each call's own wait_limit; time_point::max() ends it.
    void set_deadline(wait_limit::time_point deadline) noexcept;

    /// Throws std::system_error: not_connected, operation_canceled after close(), or the Winsock error.
    [[nodiscard]] endpoint local_endpoint() const;

    // Options; each throws std::system_error with the Winsock error or reports through `error`. None suspends.
    void set_broadcast(bool on);
    void set_broadcast(bool on, std::error_code& error) noexcept;
    void set_receive_buffer_size(std::size_t bytes);
    void set_receive_buffer_size(std::size_t bytes, std::error_code& error) noexcept;
    void set_send_buffer_size(std::size_t bytes);
    void set_send_buffer_size(std::size_t bytes, std::error_code& error) noexcept;

    /// The SOCKET, for calls that this class lacks; stays owned. INVALID_SOCKET when there is none, or it was closed.
    [[nodiscard]] std::uintptr_t native_handle() const noexcept;

private:
    explicit udp_socket(detail::datagram_socket* adopted) noexcept;

    std::unique_ptr<detail::datagram_socket, detail::close_datagram_socket> socket_;
};

} // namespace moor
