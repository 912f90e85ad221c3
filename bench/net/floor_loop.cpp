// See floor_loop.hpp.
#include "net/floor_loop.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "iocp/adaptive_batch.hpp"

namespace moor::bench {
namespace {

constexpr ULONG packets_per_batch = 64;

} // namespace

void check(bool succeeded, const char* what) {
    if (!succeeded) {
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), what);
    }
}

// ---- Sockets ----------------------------------------------------------------------------------------------------

floor_socket::floor_socket(SOCKET adopted) : socket_(adopted) { check(adopted != INVALID_SOCKET, "socket"); }

floor_socket floor_socket::tcp() {
    return floor_socket(::WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED));
}

floor_socket floor_socket::udp() {
    return floor_socket(::WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0, WSA_FLAG_OVERLAPPED));
}

sockaddr_in floor_socket::bind_to_loopback() const {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    int size = sizeof local;
    const auto address = reinterpret_cast<sockaddr*>(&local);
    check(::bind(socket_, address, size) == 0, "bind");
    check(::getsockname(socket_, address, &size) == 0, "getsockname");
    return local;
}

void floor_socket::set_no_delay() const {
    const BOOL on = TRUE;
    check(::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on) == 0,
          "TCP_NODELAY");
}

void floor_socket::set_reset_at_close() const {
    const linger at_once{1, 0};
    check(::setsockopt(socket_, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&at_once), sizeof at_once) == 0,
          "SO_LINGER");
}

// ---- The loop ---------------------------------------------------------------------------------------------------

floor_loop::winsock::winsock() {
    WSADATA data;
    check(::WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
}

floor_loop::floor_loop(unsigned threads) : port_(::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, threads)) {
    check(port_ != nullptr, "CreateIoCompletionPort");
}

floor_loop::~floor_loop() {
    for (const auto& machine : machines_) {
        machine->close();
    }
    std::array<OVERLAPPED_ENTRY, packets_per_batch> batch;
    while (pending_.load() > 0) {
        ULONG count = 0;
        if (::GetQueuedCompletionStatusEx(port_, batch.data(), packets_per_batch, &count, patience_ms, FALSE) ==
            FALSE) {
            std::fputs("floor: a call does not end though its socket is closed\n", stderr);
            std::abort(); // the system would write into freed memory
        }
        for (ULONG index = 0; index < count; ++index) {
            pending_ -= batch[index].lpOverlapped != nullptr ? 1 : 0;
        }
    }
    ::CloseHandle(port_);
}

void floor_loop::add(const floor_socket& socket) const {
    const auto handle = reinterpret_cast<HANDLE>(socket.get());
    check(::CreateIoCompletionPort(handle, port_, 0, 0) != nullptr, "CreateIoCompletionPort");
    check(::SetFileCompletionNotificationModes(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                           FILE_SKIP_SET_EVENT_ON_HANDLE) != FALSE,
          "SetFileCompletionNotificationModes");
}

void floor_loop::turn(std::uint32_t patience) {
    // The library's own policy, since under Wine asking for too much costs more than all that the library does.
    thread_local iocp::adaptive_batch room(packets_per_batch);
    std::array<OVERLAPPED_ENTRY, packets_per_batch> batch;
    ULONG count = 0;
    if (::GetQueuedCompletionStatusEx(port_, batch.data(), static_cast<ULONG>(room.now()), &count, patience, FALSE) ==
        FALSE) {
        check(::GetLastError() == WAIT_TIMEOUT, "GetQueuedCompletionStatusEx");
        throw std::runtime_error("floor: nothing comes any more");
    }
    room.took(count);
    std::int64_t ended = 0;
    for (ULONG index = 0; index < count; ++index) {
        ended += batch[index].lpOverlapped != nullptr ? 1 : 0;
    }
    pending_.fetch_sub(ended, std::memory_order_relaxed);
    for (ULONG index = 0; index < count; ++index) {
        if (batch[index].lpOverlapped == nullptr) {
            continue;
        }
        auto& call = static_cast<floor_call&>(*batch[index].lpOverlapped);
        if (call.Internal != 0) {
            throw std::runtime_error("floor: a call has failed");
        }
        call.owner->go_on(call, batch[index].dwNumberOfBytesTransferred);
    }
}

void floor_loop::wake() const { ::PostQueuedCompletionStatus(port_, 0, 0, nullptr); }

} // namespace moor::bench
