// TCP on the completion port: streams and listeners that block the calling coroutine and nothing else. Law 1: none of
// these functions hands the system an address on a stack other than the caller's own data buffer, which law 3 keeps in
// place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <system_error>

#include <moor/endpoint.hpp>
#include <moor/sendable_file.hpp>
#include <moor/wait_limit.hpp>

namespace moor {

namespace detail {
class stream_socket;
class listening_socket;

// What a handle's end does: close, and give up the reference. Calls in progress keep the object.
struct close_stream {
    void operator()(stream_socket* owned) const noexcept;
};
struct close_listener {
    void operator()(listening_socket* owned) const noexcept;
};
} // namespace detail

/// TCP keep-alive probing (SIO_KEEPALIVE_VALS): the first probe after `idle` without traffic, the next ones every
/// `interval`.
struct keep_alive {
    std::chrono::milliseconds idle = std::chrono::minutes(2);     ///< before the first probe
    std::chrono::milliseconds interval = std::chrono::seconds(1); ///< between two
};

/// Which half of a connection shutdown() ends.
enum class shutdown_side : std::uint8_t { receive, send, both };

/// A TCP connection. Move-only handle; the socket closes with it, by close(), or when its runtime ends.
///
/// One coroutine may read while another one writes; two readers (or two writers) at a time are serialised by nothing
/// and are the caller's error. close() may be called by any coroutine at any time: calls in progress, and all later
/// ones, report operation_canceled; so they do when the handle is destroyed under them. Every call that waits: only
/// from a coroutine of the runtime in which the stream was made (otherwise operation_not_permitted), suspends it until
/// done, takes a wait_limit, and is a point where the coroutine can be stopped. A deadline that has passed and a stop
/// that was asked for are reported even if the call would not have had to wait. A call that ended by deadline or stop
/// has cancelled its operation and seen it complete, so the buffer is the caller's again; what it had transferred by
/// then is lost for read_exactly/write (close the stream), not for read_some. Other errors are in the
/// winsock_category() and compare with std::errc.
class tcp_stream {
public:
    /// Not connected; every call reports not_connected.
    tcp_stream() noexcept;
    /// `other` is as after default construction; an assignment closes the socket that this one had.
    tcp_stream(tcp_stream&& other) noexcept;
    tcp_stream& operator=(tcp_stream&& other) noexcept;
    ~tcp_stream();

    /// Connects to `remote`; 0.0.0.0 and :: are the local host, and ::ffff:a.b.c.d is a.b.c.d. Errors:
    /// connection_refused, timed_out, network_unreachable, operation_canceled, …
    [[nodiscard]] static tcp_stream connect(const endpoint& remote, const wait_limit& limit = no_limit);
    [[nodiscard]] static tcp_stream connect(const endpoint& remote, const wait_limit& limit, std::error_code& error);

    /// Tries the endpoints in turn until one accepts; each gets an equal share of the time that is left. Reports the
    /// last error, invalid_argument when there is no endpoint.
    [[nodiscard]] static tcp_stream connect(std::span<const endpoint> remotes, const wait_limit& limit = no_limit);
    [[nodiscard]] static tcp_stream connect(std::span<const endpoint> remotes, const wait_limit& limit,
                                            std::error_code& error);

    /// Reads what is there, at least one byte; 0 when the peer has closed its side (or `buffer` is empty).
    std::size_t read_some(std::span<std::byte> buffer, const wait_limit& limit = no_limit);
    std::size_t read_some(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error);

    /// Scatter form: fills the buffers in order; any number of them. Waits for the first byte only.
    std::size_t read_some(std::span<const std::span<std::byte>> buffers, const wait_limit& limit = no_limit);
    std::size_t read_some(std::span<const std::span<std::byte>> buffers, const wait_limit& limit,
                          std::error_code& error);

    /// Fills the buffer. A peer that closes earlier is the error stream_errc::end_of_stream; returns the bytes read.
    std::size_t read_exactly(std::span<std::byte> buffer, const wait_limit& limit = no_limit);
    std::size_t read_exactly(std::span<std::byte> buffer, const wait_limit& limit, std::error_code& error);

    /// Writes all of it; returns the number of bytes written, less than all only with an error.
    std::size_t write(std::span<const std::byte> data, const wait_limit& limit = no_limit);
    std::size_t write(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error);

    /// Gather form: all bytes of all buffers in order; any number of them.
    std::size_t write(std::span<const std::span<const std::byte>> buffers, const wait_limit& limit = no_limit);
    std::size_t write(std::span<const std::span<const std::byte>> buffers, const wait_limit& limit,
                      std::error_code& error);

    /// send_file's length for all that there is from the offset on.
    static constexpr std::uint64_t to_the_end = (std::numeric_limits<std::uint64_t>::max)();

    /// Writes `length` bytes of a file from `offset` on, which the system reads by itself (TransmitFile): they do not
    /// pass through the program. What the file does not have when the call begins is not sent. Returns the number of
    /// bytes written, with an error those of the parts of 1 GiB that went out whole. Errors as of write, and
    /// bad_file_descriptor (no file), invalid_argument (an offset beyond the end), io_error (the file became shorter
    /// meanwhile). Windows desktop editions work on two such calls at a time, and the others wait.
    std::uint64_t send_file(const sendable_file& file, std::uint64_t offset = 0, std::uint64_t length = to_the_end,
                            const wait_limit& limit = no_limit);
    std::uint64_t send_file(const sendable_file& file, std::uint64_t offset, std::uint64_t length,
                            const wait_limit& limit, std::error_code& error);

    /// Waits until a read_some would not wait (data, end of stream or error), by a zero-byte receive: an idle
    /// connection pins no buffer meanwhile.
    void wait_readable(const wait_limit& limit = no_limit);
    void wait_readable(const wait_limit& limit, std::error_code& error);

    /// Ends one direction or both; the peer reads 0 bytes after `send`. Does not suspend.
    void shutdown(shutdown_side side);
    void shutdown(shutdown_side side, std::error_code& error) noexcept;

    /// Closes the connection; unsent data is still delivered by the system. Does not suspend; any coroutine of the
    /// runtime; calls in progress report operation_canceled. A second call does nothing. The system's handle may stay
    /// open until those calls have ended: see close_and_wait.
    void close() noexcept;

    /// close(), and waits until the system has its handle back: its address can be bound again. close() itself cannot
    /// promise that, since calls in progress end first, each on its coroutine. Suspends; any coroutine but one inside a
    /// call on this object, or a plain thread, while the runtime lives. Errors: timed_out, operation_canceled; the
    /// handle closes all the same, later.
    void close_and_wait(const wait_limit& limit = no_limit);
    void close_and_wait(const wait_limit& limit, std::error_code& error);

    /// Closes and sends a reset instead of a farewell (SO_LINGER 0).
    void reset() noexcept;

    /// False for a stream that is not connected and after close(). Says nothing about the peer. Never suspends.
    [[nodiscard]] bool is_open() const noexcept;

    /// A deadline for every later call on this stream, beside each call's own wait_limit; time_point::max() ends it.
    void set_deadline(wait_limit::time_point deadline) noexcept;

    /// This side's address. Asked of the system each time. Throws std::system_error: not_connected, operation_canceled
    /// after close(), or the Winsock error. Does not suspend.
    [[nodiscard]] endpoint local_endpoint() const;
    /// The peer's address, likewise.
    [[nodiscard]] endpoint remote_endpoint() const;

    // Options; each throws std::system_error with the Winsock error or reports through `error`. None suspends.

    /// Whether small writes are sent at once instead of waiting for acknowledgements (TCP_NODELAY).
    void set_no_delay(bool on);
    void set_no_delay(bool on, std::error_code& error) noexcept;
    /// Has the system probe an idle connection, so that a peer that is gone is noticed.
    void set_keep_alive(const keep_alive& probing);
    void set_keep_alive(const keep_alive& probing, std::error_code& error) noexcept;
    /// The system's buffer of what was received and not read (SO_RCVBUF).
    void set_receive_buffer_size(std::size_t bytes);
    void set_receive_buffer_size(std::size_t bytes, std::error_code& error) noexcept;
    /// The system's buffer of what was written and not acknowledged (SO_SNDBUF).
    void set_send_buffer_size(std::size_t bytes);
    void set_send_buffer_size(std::size_t bytes, std::error_code& error) noexcept;

    /// The SOCKET, for calls that this class lacks; stays owned by the stream. INVALID_SOCKET when there is none, or it
    /// was closed.
    [[nodiscard]] std::uintptr_t native_handle() const noexcept;

private:
    friend class tcp_listener;
    explicit tcp_stream(detail::stream_socket* adopted) noexcept;

    std::unique_ptr<detail::stream_socket, detail::close_stream> socket_;
};

/// How to listen.
struct listen_options {
    int backlog = 0x7fffffff; ///< SOMAXCONN
    /// Accepting calls kept outstanding, so that a storm of connections does not wait for the coroutine in accept(). At
    /// least 1, at most 4096. Each holds a socket and an operation.
    unsigned outstanding_accepts = 16;
    /// For an IPv6 endpoint: whether it takes IPv4 connections too.
    bool dual_stack = false;
    /// Whether no other socket may bind to its address (SO_EXCLUSIVEADDRUSE). Otherwise another program of the same
    /// user can take the port, and its connections, by SO_REUSEADDR. The price: as long as connections live that an
    /// exclusive listener has accepted, also of a process that has ended, Windows lets no socket bind to the port
    /// exclusively, and a server that restarts reports address_in_use or permission_denied.
    bool exclusive_address = true;
};

/// A listening socket. Move-only handle; closes as tcp_stream does.
class tcp_listener {
public:
    /// Not listening.
    tcp_listener() noexcept;
    /// `other` is as after default construction; an assignment closes the socket that this one had.
    tcp_listener(tcp_listener&& other) noexcept;
    tcp_listener& operator=(tcp_listener&& other) noexcept;
    ~tcp_listener();

    /// Binds to `local` (port 0 lets the system choose) and listens. Without dual_stack ::ffff:a.b.c.d is a.b.c.d. Only
    /// from a coroutine. Does not suspend.
    /// Errors: address_in_use, permission_denied, address_not_available, invalid_argument (outstanding_accepts out of
    /// range), operation_not_permitted (outside a coroutine), …
    [[nodiscard]] static tcp_listener bind(const endpoint& local, const listen_options& options = {});
    [[nodiscard]] static tcp_listener bind(const endpoint& local, const listen_options& options,
                                           std::error_code& error);

    /// Waits for a connection. Several coroutines may accept at a time. A connection that died in the backlog is
    /// skipped, whatever it died of. Errors: operation_canceled (stopped, or the listener was closed), timed_out, and
    /// when the system has no sockets or memory left too_many_files_open, no_buffer_space, …: the listener remains, and
    /// the next call tries again.
    [[nodiscard]] tcp_stream accept(const wait_limit& limit = no_limit);
    [[nodiscard]] tcp_stream accept(const wait_limit& limit, std::error_code& error);

    /// Stops listening; accept() calls in progress report operation_canceled, connections that were not accepted are
    /// closed. Does not suspend; any coroutine or thread. The address may be taken for a moment after that, until
    /// the system has given up the calls that were outstanding: see close_and_wait.
    void close() noexcept;

    /// close(), and waits until the system has its handle back: its address can be bound again. close() itself cannot
    /// promise that, since calls in progress end first, each on its coroutine. Suspends; any coroutine but one inside a
    /// call on this object, or a plain thread, while the runtime lives. Errors: timed_out, operation_canceled; the
    /// handle closes all the same, later.
    void close_and_wait(const wait_limit& limit = no_limit);
    void close_and_wait(const wait_limit& limit, std::error_code& error);

    /// False for one that does not listen and after close(). Never suspends.
    [[nodiscard]] bool is_open() const noexcept;
    /// Where it was bound, with the port that the system chose; also after close(). Throws std::system_error
    /// not_connected when it never listened.
    [[nodiscard]] endpoint local_endpoint() const;
    /// The SOCKET; stays owned by the listener. INVALID_SOCKET when there is none, or it was closed.
    [[nodiscard]] std::uintptr_t native_handle() const noexcept;

private:
    explicit tcp_listener(detail::listening_socket* adopted) noexcept;

    std::unique_ptr<detail::listening_socket, detail::close_listener> socket_;
};

} // namespace moor
