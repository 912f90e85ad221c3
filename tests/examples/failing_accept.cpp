// Linked into the echo example: its first accepts fail, as when the system has no sockets left for a while. The example
// has to say so and to serve those who come later.
#include <atomic>

#include "win/system_calls.hpp"

namespace {

std::atomic<int> failures{50}; // more than a listener keeps outstanding, so that accept() itself reports some

BOOL PASCAL failing_accept(SOCKET listener, SOCKET accepted, void* addresses, DWORD data, DWORD local, DWORD remote,
                           DWORD* count, OVERLAPPED* overlapped) {
    if (failures.fetch_sub(1) > 0) {
        ::WSASetLastError(WSAENOBUFS);
        return FALSE;
    }
    return moor::win::real_system_calls.accept(listener, accepted, addresses, data, local, remote, count, overlapped);
}

const moor::win::replaced_system_calls before_main({.accept = &failing_accept});

} // namespace
