// The operating-system calls of the I/O layer as one table of function pointers, so that a test can put an adversary in
// place: one that completes late, out of order, short or failing and scribbles over every output parameter at the last
// moment.
#pragma once

#include <atomic>

#include "win/windows.hpp"

namespace moor::iocp {

/// Signatures and contracts are Winsock's own; the pointers that they take all come from an operation. An entry that a
/// replacement leaves null is the system's own.
struct system_calls {
    using completion_routine = LPWSAOVERLAPPED_COMPLETION_ROUTINE;

    int(WSAAPI* receive)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, OVERLAPPED*, completion_routine);
    int(WSAAPI* send)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, OVERLAPPED*, completion_routine);
    BOOL(PASCAL* accept)(SOCKET, SOCKET, void*, DWORD, DWORD, DWORD, DWORD*, OVERLAPPED*);
    BOOL(PASCAL* connect)(SOCKET, const sockaddr*, int, void*, DWORD, DWORD*, OVERLAPPED*);
    BOOL(WINAPI* cancel)(HANDLE, OVERLAPPED*);
    /// Of every worker, whose sleep it is; a table made for other calls leaves it alone.
    BOOL(WINAPI* dequeue)(HANDLE, OVERLAPPED_ENTRY*, ULONG, ULONG*, DWORD, BOOL) = &::GetQueuedCompletionStatusEx;
    int(WSAAPI* receive_from)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, sockaddr*, int*, OVERLAPPED*,
                              completion_routine) = nullptr;
    int(WSAAPI* send_to)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, const sockaddr*, int, OVERLAPPED*,
                         completion_routine) = nullptr;
    int(WSAAPI* receive_message)(SOCKET, WSAMSG*, DWORD*, OVERLAPPED*, completion_routine) = nullptr;
    int(WSAAPI* send_message)(SOCKET, WSAMSG*, DWORD, DWORD*, OVERLAPPED*, completion_routine) = nullptr;
    BOOL(PASCAL* disconnect)(SOCKET, OVERLAPPED*, DWORD, DWORD) = nullptr;
    BOOL(PASCAL* send_file)(SOCKET, HANDLE, DWORD, DWORD, OVERLAPPED*, TRANSMIT_FILE_BUFFERS*, DWORD) = nullptr;
    /// Of a completed call; starts nothing.
    BOOL(WSAAPI* result)(SOCKET, OVERLAPPED*, DWORD*, BOOL, DWORD*) = nullptr;
};

/// The system's own functions. Winsock must have been started when it is first asked for.
/// One that the system lacks fails with WSAEOPNOTSUPP.
[[nodiscard]] const system_calls& real_system_calls() noexcept;

/// Null: the system's own. Written by replace_system_calls alone.
inline std::atomic<const system_calls*> replaced_system_calls{nullptr};

/// The table in use. Any thread.
[[nodiscard]] inline const system_calls& current_system_calls() noexcept {
    // Acquire pairs with the release in replace_system_calls: the table's contents.
    const system_calls* const replaced = replaced_system_calls.load(std::memory_order_acquire);
    return replaced != nullptr ? *replaced : real_system_calls();
}

/// Puts another table in use; null restores the system's own. For tests and benchmarks, while no operation is pending.
inline void replace_system_calls(const system_calls* table) noexcept {
    replaced_system_calls.store(table, std::memory_order_release);
}

} // namespace moor::iocp
