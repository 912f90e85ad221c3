// Blocking sockets of the peer "threads".
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

#include "win/windows.hpp"

namespace moor::bench::peers::threads {

/// An IPv4 socket whose calls block: as socket() makes them. Every call throws std::system_error when it fails.
class blocking_socket {
public:
    /// SOCK_STREAM or SOCK_DGRAM.
    explicit blocking_socket(int type);
    ~blocking_socket() { close(); }
    blocking_socket(blocking_socket&& other) noexcept : socket_(std::exchange(other.socket_, INVALID_SOCKET)) {}
    blocking_socket& operator=(blocking_socket&&) = delete;

    void bind_to_loopback();
    void listen();
    [[nodiscard]] blocking_socket accept();
    void connect(const sockaddr_in& to);
    [[nodiscard]] sockaddr_in address() const;

    void set_no_delay();
    /// A reset instead of a farewell: see jobs.hpp, echo.
    void set_reset_at_close();
    /// How long a receive waits; then it throws.
    void set_patience(std::chrono::milliseconds longest);

    /// 0 when the other end was closed.
    [[nodiscard]] std::size_t receive(std::span<char> into);
    /// Until `into` is full. Throws failed when the other end was closed.
    void receive_all(std::span<char> into);
    void send(std::span<const char> data);
    /// A datagram; false when none came within the patience.
    [[nodiscard]] bool receive_from(std::span<char> into, std::size_t& size, sockaddr_in& from);
    void send_to(std::span<const char> data, const sockaddr_in& to);

    void close() noexcept;

private:
    struct adopted {};
    blocking_socket(adopted, SOCKET made) noexcept : socket_(made) {}

    SOCKET socket_;
};

} // namespace moor::bench::peers::threads
