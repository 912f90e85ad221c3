// See floor.hpp.
#include "net/floor.hpp"

#include <array>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "win/windows.hpp"

namespace moor::bench {
namespace {

constexpr ULONG packets_per_batch = 64;

// Winsock's last error is the thread's.
void check(bool succeeded, const char* what) {
    if (!succeeded) {
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), what);
    }
}

SOCKET new_socket() {
    const SOCKET made = ::WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED);
    check(made != INVALID_SOCKET, "socket");
    return made;
}

// Whether the call that returned `result` is done; its packet comes later otherwise.
bool done_at_once(int result, const char* what) {
    if (result == 0) {
        return true;
    }
    check(::WSAGetLastError() == WSA_IO_PENDING, what);
    return false;
}

} // namespace

/// One side of a connection: receiving and sending in turn, one call at a time.
struct echo_floor::end {
    end() = default;
    ~end() { close(); }
    end(const end&) = delete;
    end& operator=(const end&) = delete;

    void close() noexcept {
        if (socket != INVALID_SOCKET) {
            ::closesocket(std::exchange(socket, INVALID_SOCKET));
        }
    }

    OVERLAPPED overlapped{};
    WSABUF window{};
    DWORD transferred = 0;
    DWORD flags = 0;
    SOCKET socket = INVALID_SOCKET;
    bool sending = false;
    std::vector<char> buffer;

    // Clients only.
    std::vector<char> message;
    std::size_t received = 0; // of the echo
    std::uint64_t trips_left = 0;
};

echo_floor::echo_floor(std::size_t connections, std::size_t message_size) : message_size_(message_size) {
    WSADATA data;
    check(::WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    port_ = ::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1);
    check(port_ != nullptr, "CreateIoCompletionPort");
    const SOCKET listener = new_socket();
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    int size = sizeof local;
    const auto address = reinterpret_cast<sockaddr*>(&local);
    check(::bind(listener, address, size) == 0, "bind");
    check(::getsockname(listener, address, &size) == 0, "getsockname");
    check(::listen(listener, SOMAXCONN) == 0, "listen");
    for (std::size_t index = 0; index < connections; ++index) {
        clients_.push_back(adopt(new_socket()));
        end& client = *clients_.back();
        for (std::size_t at = 0; at < message_size_; ++at) {
            client.message.push_back(static_cast<char>(index + at));
        }
        check(::connect(client.socket, address, size) == 0, "connect");
        servers_.push_back(adopt(::accept(listener, nullptr, nullptr)));
    }
    ::closesocket(listener);
    for (const auto& server : servers_) {
        std::uint32_t transferred = 0;
        if (receive(*server, 0, transferred)) {
            throw std::runtime_error("floor: something came before anything was sent");
        }
    }
}

// Closing a server's socket completes its receive; its memory stays until that packet has come.
echo_floor::~echo_floor() {
    for (const auto& server : servers_) {
        server->close();
    }
    std::array<OVERLAPPED_ENTRY, packets_per_batch> batch;
    for (std::size_t left = servers_.size(); left != 0;) {
        constexpr DWORD longest_wait = 1000; // milliseconds
        ULONG count = 0;
        if (::GetQueuedCompletionStatusEx(port_, batch.data(), packets_per_batch, &count, longest_wait, FALSE) ==
            FALSE) {
            break;
        }
        left -= count;
    }
    clients_.clear();
    ::CloseHandle(port_);
    ::WSACleanup();
}

// Takes the socket over and prepares it as the library does.
std::unique_ptr<echo_floor::end> echo_floor::adopt(std::uintptr_t socket) {
    check(socket != INVALID_SOCKET, "accept");
    auto made = std::make_unique<end>();
    made->socket = socket;
    made->buffer.resize(message_size_);
    const BOOL no_delay = TRUE;
    check(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&no_delay), sizeof no_delay) ==
              0,
          "TCP_NODELAY");
    const auto handle = reinterpret_cast<HANDLE>(socket);
    check(::CreateIoCompletionPort(handle, port_, reinterpret_cast<ULONG_PTR>(made.get()), 0) != nullptr,
          "CreateIoCompletionPort");
    check(::SetFileCompletionNotificationModes(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                           FILE_SKIP_SET_EVENT_ON_HANDLE) != FALSE,
          "SetFileCompletionNotificationModes");
    return made;
}

void echo_floor::run(std::uint64_t round_trips) {
    clients_running_ = clients_.size();
    for (const auto& client : clients_) {
        client->trips_left = round_trips;
        std::uint32_t transferred = 0;
        if (send(*client, client->message, message_size_, transferred)) {
            go_on(*client, transferred);
        }
    }
    std::array<OVERLAPPED_ENTRY, packets_per_batch> batch;
    while (clients_running_ != 0) {
        ULONG count = 0;
        check(::GetQueuedCompletionStatusEx(port_, batch.data(), packets_per_batch, &count, INFINITE, TRUE) != FALSE,
              "GetQueuedCompletionStatusEx");
        ++counts_.dequeues;
        for (ULONG index = 0; index < count; ++index) {
            go_on(*reinterpret_cast<end*>(batch[index].lpCompletionKey), batch[index].dwNumberOfBytesTransferred);
        }
    }
}

// After a call of that end was completed: makes the next ones, until one of them is pending.
void echo_floor::go_on(end& from, std::uint32_t transferred) {
    for (bool done = true; done;) {
        if (from.sending) {
            done = receive(from, from.received, transferred);
            continue;
        }
        if (transferred == 0) {
            throw std::runtime_error("floor: a connection has ended");
        }
        if (from.message.empty()) { // a server
            done = send(from, from.buffer, transferred, transferred);
            continue;
        }
        from.received += transferred;
        if (from.received < message_size_) {
            done = receive(from, from.received, transferred);
            continue;
        }
        if (from.buffer != from.message) {
            throw std::runtime_error("floor: the echo is not what was sent");
        }
        from.received = 0;
        if (--from.trips_left == 0) {
            --clients_running_;
            return;
        }
        done = send(from, from.message, message_size_, transferred);
    }
}

bool echo_floor::receive(end& at, std::size_t offset, std::uint32_t& transferred) {
    at.sending = false;
    at.overlapped = {};
    at.flags = 0;
    at.window = {static_cast<ULONG>(at.buffer.size() - offset), at.buffer.data() + offset};
    ++counts_.receives;
    const int result = ::WSARecv(at.socket, &at.window, 1, &at.transferred, &at.flags, &at.overlapped, nullptr);
    const bool done = done_at_once(result, "WSARecv");
    transferred = at.transferred;
    return done;
}

bool echo_floor::send(end& at, std::vector<char>& data, std::size_t size, std::uint32_t& transferred) {
    at.sending = true;
    at.overlapped = {};
    at.window = {static_cast<ULONG>(size), data.data()};
    ++counts_.sends;
    const int result = ::WSASend(at.socket, &at.window, 1, &at.transferred, 0, &at.overlapped, nullptr);
    const bool done = done_at_once(result, "WSASend");
    transferred = at.transferred;
    return done;
}

} // namespace moor::bench
