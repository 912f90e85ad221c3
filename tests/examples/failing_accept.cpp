// Linked into the echo example: its first accepts fail, as when the system has no sockets left for a while. The example
// has to say so and to serve those who come later.
#include <atomic>

#include "iocp/system_calls.hpp"
#include "win/socket.hpp"

namespace {

using moor::iocp::system_calls;

std::atomic<int> failures{50}; // more than a listener keeps outstanding, so that accept() itself reports some

BOOL PASCAL failing_accept(SOCKET listener, SOCKET accepted, void* addresses, DWORD data, DWORD local, DWORD remote,
                           DWORD* count, OVERLAPPED* overlapped) {
    if (failures.fetch_sub(1) > 0) {
        ::WSASetLastError(WSAENOBUFS);
        return FALSE;
    }
    return moor::iocp::real_system_calls().accept(listener, accepted, addresses, data, local, remote, count,
                                                  overlapped);
}

const struct installed {
    installed() {
        table = moor::iocp::real_system_calls();
        table.accept = &failing_accept;
        moor::iocp::replace_system_calls(&table);
    }

    moor::win::winsock_session winsock; // first: the real calls are asked for with it
    system_calls table{};
} before_main;

} // namespace
