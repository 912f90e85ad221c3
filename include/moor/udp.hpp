// UDP on the completion port: sockets that block the calling coroutine and nothing else. Law 1: sender, flags and
// counts are written into pooled operations, never to a stack; law 3 keeps the caller's data buffer in place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
    /// Whether a call reports what became of an earlier datagram of this socket that was not delivered:
    /// connection_reset or connection_refused when it met a closed port (ICMP port unreachable; SIO_UDP_CONNRESET),
    /// network_reset when it ran out of hops (SIO_UDP_NETRESET), host_unreachable and others. Otherwise it is skipped:
    /// on a socket with many peers it says nothing of the datagram that the call is about. The socket stays usable in
    /// both cases.
    bool report_unreachable = false;
};

/// What a receiving call took.
struct received_datagram {
    std::size_t bytes = 0;  ///< written to the buffer; an empty datagram has none
    endpoint sender;        ///< who sent it
    bool truncated = false; ///< it was longer than the buffer, and the rest is lost
};

/// The two bits of an IP header that speak of congestion (ECN, RFC 3168).
enum class ecn_mark : std::uint8_t {
    not_capable = 0, ///< the transport does not react to congestion marks
    capable_1 = 1,   ///< ECT(1)
    capable_0 = 2,   ///< ECT(0)
    congested = 3,   ///< set on the way; Windows does not let a sender set it
};

/// What a receiving call took, and what the system said beside it. Each detail only when the socket was told to report
/// it, and the system did.
struct received_message : received_datagram {
    std::optional<endpoint> destination{};          ///< the address that it was sent to, with port 0
    std::optional<std::uint32_t> interface_index{}; ///< where it came in
    std::optional<std::uint8_t> hop_limit{};        ///< what was left of it; IPv4's time to live
    std::optional<ecn_mark> ecn{};                  ///< its mark on arrival
};

/// What a datagram is to leave with, in place of what the socket and the system would choose. Windows documents source,
/// interface and mark; of the hop limit nothing, and it may refuse the call (invalid_argument). Wine 8 ignores them
/// all silently. set_hop_limit works on both.
struct message_options {
    std::optional<endpoint> source{};               ///< one of this machine's addresses; its port counts for nothing
    std::optional<std::uint32_t> interface_index{}; ///< the one that it leaves by
    std::optional<std::uint8_t> hop_limit{};        ///< how many hops it lasts; IPv4's time to live
    std::optional<ecn_mark> ecn{};                  ///< not ecn_mark::congested
};

/// One of this machine's interfaces to networks; the system chooses when nothing is given.
struct local_interface {
    std::uint32_t index = 0; ///< as the system numbers them. For IPv6, an endpoint's scope does as well
    /// For IPv4, one of the interface's addresses instead. (Wine wants this; it does not take an index for IPv4.)
    std::optional<endpoint> address{};
};

/// A UDP socket. Move-only handle; the socket closes with it, by close(), or when its runtime ends.
///
/// Any number of coroutines may send and receive at a time; each datagram goes to one receiver. Waiting, limits, stops,
/// closing and errors are as for tcp_stream; nothing of a datagram is lost to a call that ended by deadline or stop,
/// unless it had arrived in the call's buffer already.
class udp_socket {
public:
    /// Not open; every call reports not_connected.
    udp_socket() noexcept;
    /// `other` is as after default construction; an assignment closes the socket that this one had.
    udp_socket(udp_socket&& other) noexcept;
    udp_socket& operator=(udp_socket&& other) noexcept;
    ~udp_socket();

    /// Opens a socket bound to `local`; port 0 lets the system choose. Without dual_stack ::ffff:a.b.c.d is a.b.c.d.
    /// Only from a coroutine. Does not suspend. Errors: address_in_use, permission_denied, address_not_available,
    /// operation_not_permitted (outside a coroutine), …
    [[nodiscard]] static udp_socket bind(const endpoint& local, const udp_options& options = {});
    [[nodiscard]] static udp_socket bind(const endpoint& local, const udp_options& options, std::error_code& error);

    /// From now on send() sends to `remote`, and only its datagrams are received. Does not suspend, and says nothing
    /// about whether a peer exists. Here as in the calls below, 0.0.0.0 and :: are the local host, and an IPv4
    /// address and its mapped form (::ffff:a.b.c.d) are the same.
    void connect(const endpoint& remote);
    void connect(const endpoint& remote, std::error_code& error) noexcept;

    /// Sends one datagram, whole. Errors: message_size (longer than the system sends), network_unreachable,
    /// permission_denied (a broadcast address without set_broadcast), …
    void send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit = no_limit);
    void send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                 std::error_code& error);
    /// The same to the peer of connect(). Error: not_connected before that.
    void send(std::span<const std::byte> data, const wait_limit& limit = no_limit);
    void send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error);

    /// Waits for one datagram. One that does not fit is no error: see received_datagram::truncated.
    [[nodiscard]] received_datagram receive_from(std::span<std::byte> buffer, const wait_limit& limit = no_limit);
    [[nodiscard]] received_datagram receive_from(std::span<std::byte> buffer, const wait_limit& limit,
                                                 std::error_code& error);

    /// The same with the details that the set_report_ functions have asked for; and scattered over up to 16 buffers
    /// (more is invalid_argument).
    [[nodiscard]] received_message receive_message(std::span<std::byte> buffer, const wait_limit& limit = no_limit);
    [[nodiscard]] received_message receive_message(std::span<std::byte> buffer, const wait_limit& limit,
                                                   std::error_code& error);
    [[nodiscard]] received_message receive_message(std::span<const std::span<std::byte>> buffers,
                                                   const wait_limit& limit = no_limit);
    [[nodiscard]] received_message receive_message(std::span<const std::span<std::byte>> buffers,
                                                   const wait_limit& limit, std::error_code& error);

    /// Sends one datagram with those options; and gathered from up to 16 buffers (more is invalid_argument). Errors as
    /// of send_to, and invalid_argument also for a source of another family than `remote`.
    void send_message(std::span<const std::byte> data, const endpoint& remote, const message_options& options = {},
                      const wait_limit& limit = no_limit);
    void send_message(std::span<const std::byte> data, const endpoint& remote, const message_options& options,
                      const wait_limit& limit, std::error_code& error);
    void send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                      const message_options& options = {}, const wait_limit& limit = no_limit);
    void send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                      const message_options& options, const wait_limit& limit, std::error_code& error);

    /// Closes the socket. Does not suspend; any coroutine of the runtime; calls in progress report operation_canceled.
    /// The system's handle may stay open until those calls have ended: see close_and_wait.
    void close() noexcept;

    /// close(), and waits until the system has its handle back: its address can be bound again. close() itself cannot
    /// promise that, since calls in progress end first, each on its coroutine. Suspends; any coroutine but one inside a
    /// call on this object, or a plain thread, while the runtime lives. Errors: timed_out, operation_canceled; the
    /// handle closes all the same, later.
    void close_and_wait(const wait_limit& limit = no_limit);
    void close_and_wait(const wait_limit& limit, std::error_code& error);
    /// False for a socket that is not open and after close(). Never suspends.
    [[nodiscard]] bool is_open() const noexcept;

    /// A deadline for every later call on this socket, beside each call's own wait_limit; time_point::max() ends it.
    void set_deadline(wait_limit::time_point deadline) noexcept;

    /// Throws std::system_error: not_connected, operation_canceled after close(), or the Winsock error.
    [[nodiscard]] endpoint local_endpoint() const;

    // Options; each throws std::system_error with the Winsock error or reports through `error`. None suspends.

    /// Whether datagrams may be sent to broadcast addresses (SO_BROADCAST).
    void set_broadcast(bool on);
    void set_broadcast(bool on, std::error_code& error) noexcept;
    /// The system's buffer of datagrams that were not received yet (SO_RCVBUF).
    void set_receive_buffer_size(std::size_t bytes);
    void set_receive_buffer_size(std::size_t bytes, std::error_code& error) noexcept;
    /// The system's buffer of what was sent and did not leave yet (SO_SNDBUF).
    void set_send_buffer_size(std::size_t bytes);
    void set_send_buffer_size(std::size_t bytes, std::error_code& error) noexcept;

    /// Of datagrams that are sent to one receiver: how many hops they last.
    void set_hop_limit(std::uint8_t hops);
    void set_hop_limit(std::uint8_t hops, std::error_code& error) noexcept;

    // What receive_message reports from now on. A system that does not know the option says so here
    // (no_protocol_option, invalid_argument).

    /// received_message::destination and interface_index.
    void set_report_destination(bool on);
    void set_report_destination(bool on, std::error_code& error) noexcept;
    /// received_message::hop_limit.
    void set_report_hop_limit(bool on);
    void set_report_hop_limit(bool on, std::error_code& error) noexcept;
    /// received_message::ecn.
    void set_report_ecn(bool on);
    void set_report_ecn(bool on, std::error_code& error) noexcept;

    /// From now on datagrams to that group are received too, of which the port counts for nothing; until leave_group,
    /// or the socket is closed. The socket must be bound to the port that they are sent to, and not to one of this
    /// machine's addresses. Errors: invalid_argument (no group, another family, an address for IPv6), address_in_use or
    /// invalid_argument (joined already), address_not_available (no such interface; left without being joined), …
    void join_group(const endpoint& group, const local_interface& on = {});
    void join_group(const endpoint& group, const local_interface& on, std::error_code& error) noexcept;
    /// Takes join_group back.
    void leave_group(const endpoint& group, const local_interface& on = {});
    void leave_group(const endpoint& group, const local_interface& on, std::error_code& error) noexcept;

    /// The interface by which datagrams to groups leave.
    void set_multicast_interface(const local_interface& by);
    void set_multicast_interface(const local_interface& by, std::error_code& error) noexcept;
    /// How many hops datagrams to groups last.
    void set_multicast_hop_limit(std::uint8_t hops);
    void set_multicast_hop_limit(std::uint8_t hops, std::error_code& error) noexcept;
    /// Whether members on this machine get datagrams to groups. That is the receivers' choice on Windows, the senders'
    /// elsewhere: set it on both.
    void set_multicast_loop(bool on);
    void set_multicast_loop(bool on, std::error_code& error) noexcept;

    /// The SOCKET, for calls that this class lacks; stays owned. INVALID_SOCKET when there is none, or it was closed.
    [[nodiscard]] std::uintptr_t native_handle() const noexcept;

private:
    explicit udp_socket(detail::datagram_socket* adopted) noexcept;

    std::unique_ptr<detail::datagram_socket, detail::close_datagram_socket> socket_;
};

} // namespace moor
