// What is behind a tcp_stream: its transfers, on what all sockets share (io::io_socket).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include <moor/endpoint.hpp>
#include <moor/sendable_file.hpp>
#include <moor/wait_limit.hpp>

#include "io/io_socket.hpp"

namespace moor::detail {

/// A stream socket of one runtime, bound to its completion port. Contracts of the calls are those of tcp_stream.
class stream_socket final : public io::io_socket {
public:
    /// `socket` is connected, or about to be (connect).
    stream_socket(win::unique_socket socket, iocp::io_service& service) noexcept
        : io::io_socket(std::move(socket), service) {}

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
    std::uint64_t send_file(const sendable_file& file, std::uint64_t offset, std::uint64_t length,
                            const wait_limit& limit, std::error_code& error);
    void wait_readable(const wait_limit& limit, std::error_code& error);

private:
    std::error_code connect_to(const endpoint& remote, const wait_limit& limit);
};

} // namespace moor::detail
