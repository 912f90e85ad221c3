// System calls that fail when a test wants it: those of the table that are not overlapped. Sockets are counted on the
// way.
#pragma once

#include <cstdint>

namespace moor::test {

enum class imported : unsigned {
    open_socket,    // WSASocketW
    close_socket,   // closesocket: does its work and fails then
    bind,           //
    listen,         //
    connect,        // of a datagram socket: its default peer
    shut_down,      //
    set_option,     // setsockopt
    local_name,     // getsockname
    peer_name,      // getpeername
    bytes_at_hand,  // ioctlsocket
    control,        // the ioctl of Winsock 2
    associate,      // CreateIoCompletionPort, also when it makes one
    skip_packets,   // SetFileCompletionNotificationModes
    post,           // PostQueuedCompletionStatus
    dequeue,        // GetQueuedCompletionStatusEx
    start_up,       // WSAStartup
    list_providers, // WSAEnumProtocolsW
    queue_apc,      // QueueUserAPC
    set_event,      // SetEvent
    how_many,
};

inline constexpr int any_option = -1;

/// Has calls of `which` fail with `error`, `times` of them after letting `passed` of them through. Of set_option and
/// control only those with that option or code count.
void arm_fault(imported which, std::uint32_t error, unsigned passed = 0, unsigned times = 1, int option = any_option);

/// Takes that back; says how many of the calls that were to fail did not come.
unsigned disarm_fault(imported which);

/// Sockets opened and not closed.
[[nodiscard]] long open_sockets();

} // namespace moor::test
