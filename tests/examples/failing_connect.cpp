// Linked into the hello example: its connection is refused. The example has to say so and to end.
#include "iocp/system_calls.hpp"
#include "win/socket.hpp"

namespace {

using moor::iocp::system_calls;

BOOL PASCAL refused(SOCKET, const sockaddr*, int, void*, DWORD, DWORD*, OVERLAPPED*) {
    ::WSASetLastError(WSAECONNREFUSED);
    return FALSE;
}

const struct installed {
    installed() {
        table = moor::iocp::real_system_calls();
        table.connect = &refused;
        moor::iocp::replace_system_calls(&table);
    }

    moor::win::winsock_session winsock; // first: the real calls are asked for with it
    system_calls table{};
} before_main;

} // namespace
