// See null_kernel.hpp. All of it runs on the one worker's thread.
#include "iocp/null_kernel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "iocp/completion_port.hpp"
#include "win/system_calls.hpp"

namespace moor::bench {
namespace {

using win::system_calls;

// Calls that await their packet, oldest first. No benchmark has more of them.
constexpr std::size_t most_pending = 256;
std::array<OVERLAPPED*, most_pending> pending;
std::size_t pending_count = 0;

// Where receives and sends agree: both transfer the whole first buffer.
int complete(const WSABUF* buffers, DWORD* transferred) {
    *transferred = buffers->len;
    return 0;
}

int keep_pending(const WSABUF* buffers, OVERLAPPED* overlapped) {
    overlapped->Internal = 0; // success, seen when the packet is
    overlapped->InternalHigh = buffers->len;
    pending[pending_count++] = overlapped;
    ::WSASetLastError(WSA_IO_PENDING);
    return SOCKET_ERROR;
}

int WSAAPI receive_at_once(SOCKET, WSABUF* buffers, DWORD, DWORD* transferred, DWORD*, OVERLAPPED*,
                           system_calls::completion_routine) {
    return complete(buffers, transferred);
}

int WSAAPI send_at_once(SOCKET, WSABUF* buffers, DWORD, DWORD* transferred, DWORD, OVERLAPPED*,
                        system_calls::completion_routine) {
    return complete(buffers, transferred);
}

int WSAAPI receive_later(SOCKET, WSABUF* buffers, DWORD, DWORD*, DWORD*, OVERLAPPED* overlapped,
                         system_calls::completion_routine) {
    return keep_pending(buffers, overlapped);
}

int WSAAPI send_later(SOCKET, WSABUF* buffers, DWORD, DWORD*, DWORD, OVERLAPPED* overlapped,
                      system_calls::completion_routine) {
    return keep_pending(buffers, overlapped);
}

// With nothing pending the real port is asked: wake-ups and the end of the runtime come through it.
BOOL WINAPI dequeue(HANDLE port, OVERLAPPED_ENTRY* entries, ULONG room, ULONG* count, DWORD timeout, BOOL alertable) {
    if (pending_count == 0) {
        return win::real_system_calls.dequeue(port, entries, room, count, timeout, alertable);
    }
    const std::size_t taken = std::min<std::size_t>(room, pending_count);
    for (std::size_t index = 0; index < taken; ++index) {
        OVERLAPPED* const overlapped = pending[index];
        entries[index] = {static_cast<ULONG_PTR>(iocp::completion_port::key::operation), overlapped, 0,
                          static_cast<DWORD>(overlapped->InternalHigh)};
    }
    std::copy(pending.begin() + static_cast<std::ptrdiff_t>(taken),
              pending.begin() + static_cast<std::ptrdiff_t>(pending_count), pending.begin());
    pending_count -= taken;
    *count = static_cast<ULONG>(taken);
    return TRUE;
}

system_calls table_for(null_kernel::behaviour chosen) noexcept {
    if (chosen == null_kernel::behaviour::completes_at_once) {
        return {.receive = &receive_at_once, .send = &send_at_once};
    }
    return {.receive = &receive_later, .send = &send_later, .dequeue = &dequeue};
}

} // namespace

null_kernel::null_kernel(behaviour chosen) : replaced_(table_for(chosen)) {}

} // namespace moor::bench
