// Linked into the hello example: its connection is refused. The example has to say so and to end.
#include "win/system_calls.hpp"

namespace {

BOOL PASCAL refused(SOCKET, const sockaddr*, int, void*, DWORD, DWORD*, OVERLAPPED*) {
    ::WSASetLastError(WSAECONNREFUSED);
    return FALSE;
}

const moor::win::replaced_system_calls before_main({.connect = &refused});

} // namespace
