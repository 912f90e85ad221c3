// Owning a SOCKET, and Winsock's start-up. The overlapped calls themselves are in iocp/overlapped_calls.cpp alone.
#pragma once

#include <utility>

#include "win/handle.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

/// Owns a SOCKET; closes it on destruction.
class unique_socket {
public:
    unique_socket() noexcept = default;
    explicit unique_socket(SOCKET adopted) noexcept : socket_(adopted) {}
    unique_socket(unique_socket&& other) noexcept
        : skips_packet_on_success(other.skips_packet_on_success),
          socket_(std::exchange(other.socket_, INVALID_SOCKET)) {}
    unique_socket& operator=(unique_socket&& other) noexcept {
        if (this != &other) {
            close();
            socket_ = std::exchange(other.socket_, INVALID_SOCKET);
            skips_packet_on_success = other.skips_packet_on_success;
        }
        return *this;
    }
    ~unique_socket() { close(); }

    explicit operator bool() const noexcept { return socket_ != INVALID_SOCKET; }
    [[nodiscard]] SOCKET get() const noexcept { return socket_; }

    void close() noexcept {
        if (socket_ != INVALID_SOCKET) {
            call_on_system_stack([closed = std::exchange(socket_, INVALID_SOCKET)] { system().close_socket(closed); });
        }
    }

    /// A new overlapped socket, not inheritable. Empty with the thread's last error set when the system refuses.
    [[nodiscard]] static unique_socket open(int family, int type, int protocol) noexcept {
        return unique_socket(call_on_system_stack([=] {
            return system().open_socket(family, type, protocol, nullptr, 0,
                                        WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
        }));
    }

    /// Set when the socket joined a completion port: an operation that completes at once then posts no packet.
    bool skips_packet_on_success = false;

private:
    SOCKET socket_ = INVALID_SOCKET;
};

/// A handle of something that does overlapped I/O, borrowed for one call.
class io_handle {
public:
    explicit io_handle(const unique_socket& socket) noexcept
        : handle_(reinterpret_cast<HANDLE>(socket.get())), skips_packet_on_success_(socket.skips_packet_on_success) {}
    io_handle(HANDLE handle, bool skips_packet_on_success) noexcept
        : handle_(handle), skips_packet_on_success_(skips_packet_on_success) {}

    [[nodiscard]] HANDLE get() const noexcept { return handle_; }
    [[nodiscard]] bool skips_packet_on_success() const noexcept { return skips_packet_on_success_; }

private:
    HANDLE handle_;
    bool skips_packet_on_success_;
};

/// Keeps Winsock started while one lives. Throws std::system_error.
class winsock_session {
public:
    winsock_session();
    ~winsock_session();
    winsock_session(const winsock_session&) = delete;
    winsock_session& operator=(const winsock_session&) = delete;
};

/// Whether a socket may skip the packet of an operation that completed at once: only when every installed TCP provider
/// hands out real file handles (XP1_IFS_HANDLES; SetFileCompletionNotificationModes, Microsoft Learn). Asked once.
[[nodiscard]] bool every_provider_has_file_handles() noexcept;

} // namespace moor::win
