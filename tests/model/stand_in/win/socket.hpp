// Stands in for src/win/socket.hpp: a socket is a number.
#pragma once

#include <utility>

#include "win/windows.hpp"

namespace moor::win {

class unique_socket {
public:
    unique_socket() noexcept = default;
    explicit unique_socket(SOCKET adopted) noexcept : socket_(adopted) {}
    unique_socket(unique_socket&& other) noexcept : socket_(std::exchange(other.socket_, INVALID_SOCKET)) {}
    [[nodiscard]] SOCKET get() const noexcept { return socket_; }
    void close() noexcept { socket_ = INVALID_SOCKET; }

    bool skips_packet_on_success = false;

private:
    SOCKET socket_ = INVALID_SOCKET;
};

class io_handle {
public:
    explicit io_handle(const unique_socket& socket) noexcept : handle_(reinterpret_cast<HANDLE>(socket.get())) {}
    [[nodiscard]] HANDLE get() const noexcept { return handle_; }

private:
    HANDLE handle_;
};

} // namespace moor::win
