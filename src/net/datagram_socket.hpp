// What is behind a udp_socket: its transfers, on what all sockets share (io::io_socket).
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include <moor/endpoint.hpp>
#include <moor/udp.hpp>
#include <moor/wait_limit.hpp>

#include "io/io_socket.hpp"
#include "net/datagram_options.hpp"

namespace moor::detail {

/// A datagram socket of one runtime, bound to its completion port. Contracts of the calls are those of udp_socket.
class datagram_socket final : public io::io_socket {
public:
    /// Null with an error. The caller owns the reference.
    [[nodiscard]] static datagram_socket* open(const endpoint& local, const udp_options& options,
                                               std::error_code& error);

    datagram_socket(win::unique_socket socket, iocp::io_service& service, net::datagram_families families,
                    bool reports_unreachable) noexcept
        : io::io_socket(std::move(socket), service), families_(families), reports_unreachable_(reports_unreachable) {}

    [[nodiscard]] net::datagram_families families() const noexcept { return families_; }

    std::error_code connect(const endpoint& remote) noexcept;

    void send_to(std::span<const std::byte> data, const endpoint& remote, const wait_limit& limit,
                 std::error_code& error);
    void send(std::span<const std::byte> data, const wait_limit& limit, std::error_code& error);
    [[nodiscard]] received_datagram receive_from(std::span<std::byte> buffer, const wait_limit& limit,
                                                 std::error_code& error);
    void send_message(std::span<const std::span<const std::byte>> buffers, const endpoint& remote,
                      const message_options& options, const wait_limit& limit, std::error_code& error);
    [[nodiscard]] received_message receive_message(std::span<const std::span<std::byte>> buffers,
                                                   const wait_limit& limit, std::error_code& error);

private:
    /// `remote` as this socket's family has it, and the local host for nobody in particular.
    [[nodiscard]] endpoint reachable(const endpoint& remote) const noexcept;
    template <class Start>
    void run(io::socket_call& call, const wait_limit& limit, std::error_code& error, Start start,
             bool (*was_sent_before)(const std::error_code& error, bool by_packet) noexcept);
    template <class Start, class Take>
    void receive_one(const wait_limit& limit, std::error_code& error, Start start, Take take);

    const net::datagram_families families_;
    const bool reports_unreachable_;
    std::atomic<bool> has_peer_{false}; // what the system says without one differs
};

} // namespace moor::detail
