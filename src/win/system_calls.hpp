// The one door to the system: everything by which the library does I/O, opens and closes handles, waits, wakes and
// starts threads is an entry of one table of function pointers (law 7). So a test can have any call fail, or put a
// whole simulated system behind it: one that completes late, out of order, short or failing and scribbles over every
// output parameter at the last moment. What owns memory (virtual_memory.cpp) and what stops other threads
// (preempt/thread_calls.hpp) are doors of their own; a test (tests/docs/check_system.cmake) holds that no system
// function is named in two files, and none of these in any other.
#pragma once

#include <atomic>
#include <cstdint>

#include "win/windows.hpp"

namespace moor::win {

/// Signatures and contracts are the system's own; the comments name its functions. In a replacement, a null entry
/// leaves that call as it was.
struct system_calls {
    using completion_routine = LPWSAOVERLAPPED_COMPLETION_ROUTINE;
    using thread_function = unsigned(__stdcall*)(void*);

    // Calls that take an OVERLAPPED, and what belongs to them. Made by iocp/overlapped_calls.cpp alone, since the
    // pointers that they take all come from an operation (law 1). A function that the sockets' provider lacks fails
    // with WSAEOPNOTSUPP.
    /// WSARecv
    int(WSAAPI* receive)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, OVERLAPPED*, completion_routine) = nullptr;
    /// WSASend
    int(WSAAPI* send)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, OVERLAPPED*, completion_routine) = nullptr;
    /// AcceptEx
    BOOL(PASCAL* accept)(SOCKET, SOCKET, void*, DWORD, DWORD, DWORD, DWORD*, OVERLAPPED*) = nullptr;
    /// ConnectEx
    BOOL(PASCAL* connect)(SOCKET, const sockaddr*, int, void*, DWORD, DWORD*, OVERLAPPED*) = nullptr;
    /// WSARecvFrom
    int(WSAAPI* receive_from)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, sockaddr*, int*, OVERLAPPED*,
                              completion_routine) = nullptr;
    /// WSASendTo
    int(WSAAPI* send_to)(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, const sockaddr*, int, OVERLAPPED*,
                         completion_routine) = nullptr;
    /// WSARecvMsg
    int(WSAAPI* receive_message)(SOCKET, WSAMSG*, DWORD*, OVERLAPPED*, completion_routine) = nullptr;
    /// WSASendMsg
    int(WSAAPI* send_message)(SOCKET, WSAMSG*, DWORD, DWORD*, OVERLAPPED*, completion_routine) = nullptr;
    /// DisconnectEx
    BOOL(PASCAL* disconnect)(SOCKET, OVERLAPPED*, DWORD, DWORD) = nullptr;
    /// TransmitFile
    BOOL(PASCAL* send_file)(SOCKET, HANDLE, DWORD, DWORD, OVERLAPPED*, TRANSMIT_FILE_BUFFERS*, DWORD) = nullptr;
    /// WSAGetOverlappedResult, of a completed call; starts nothing.
    BOOL(WSAAPI* result)(SOCKET, OVERLAPPED*, DWORD*, BOOL, DWORD*) = nullptr;
    /// WSAIoctl, only ever without an OVERLAPPED
    int(WSAAPI* control)(SOCKET, DWORD, void*, DWORD, void*, DWORD, DWORD*, OVERLAPPED*, completion_routine) = nullptr;
    /// CancelIoEx
    BOOL(WINAPI* cancel)(HANDLE, OVERLAPPED*) = nullptr;

    // The completion port.
    /// CreateIoCompletionPort, which makes one, too
    HANDLE(WINAPI* associate)(HANDLE, HANDLE, ULONG_PTR, DWORD) = nullptr;
    /// SetFileCompletionNotificationModes
    BOOL(WINAPI* skip_packets)(HANDLE, UCHAR) = nullptr;
    /// GetQueuedCompletionStatusEx, every worker's sleep
    BOOL(WINAPI* dequeue)(HANDLE, OVERLAPPED_ENTRY*, ULONG, ULONG*, DWORD, BOOL) = nullptr;
    /// PostQueuedCompletionStatus
    BOOL(WINAPI* post)(HANDLE, DWORD, ULONG_PTR, OVERLAPPED*) = nullptr;

    // Sockets, and Winsock itself.
    /// WSAStartup
    int(WSAAPI* start_up)(WORD, WSADATA*) = nullptr;
    /// WSACleanup
    int(WSAAPI* clean_up)() = nullptr;
    /// WSAEnumProtocolsW
    int(WSAAPI* list_providers)(int*, WSAPROTOCOL_INFOW*, DWORD*) = nullptr;
    /// WSASocketW
    SOCKET(WSAAPI* open_socket)(int, int, int, WSAPROTOCOL_INFOW*, GROUP, DWORD) = nullptr;
    /// closesocket
    int(WSAAPI* close_socket)(SOCKET) = nullptr;
    /// bind
    int(WSAAPI* bind)(SOCKET, const sockaddr*, int) = nullptr;
    /// listen
    int(WSAAPI* listen)(SOCKET, int) = nullptr;
    /// connect, of a datagram socket
    int(WSAAPI* set_peer)(SOCKET, const sockaddr*, int) = nullptr;
    /// shutdown
    int(WSAAPI* shut_down)(SOCKET, int) = nullptr;
    /// setsockopt
    int(WSAAPI* set_option)(SOCKET, int, int, const char*, int) = nullptr;
    /// getsockname
    int(WSAAPI* local_name)(SOCKET, sockaddr*, int*) = nullptr;
    /// getpeername
    int(WSAAPI* peer_name)(SOCKET, sockaddr*, int*) = nullptr;
    /// ioctlsocket, for FIONREAD
    int(WSAAPI* bytes_at_hand)(SOCKET, long, u_long*) = nullptr;

    // Other handles.
    /// CreateFileW
    HANDLE(WINAPI* open_file)(const wchar_t*, DWORD, DWORD, SECURITY_ATTRIBUTES*, DWORD, DWORD, HANDLE) = nullptr;
    /// ReadFile, only ever without an OVERLAPPED
    BOOL(WINAPI* read_file)(HANDLE, void*, DWORD, DWORD*, OVERLAPPED*) = nullptr;
    /// GetFileSizeEx
    BOOL(WINAPI* file_size)(HANDLE, LARGE_INTEGER*) = nullptr;
    /// GetFileType
    DWORD(WINAPI* file_type)(HANDLE) = nullptr;
    /// CreateEventW
    HANDLE(WINAPI* make_event)(SECURITY_ATTRIBUTES*, BOOL, BOOL, const wchar_t*) = nullptr;
    /// CloseHandle
    BOOL(WINAPI* close_handle)(HANDLE) = nullptr;

    // Waiting and waking. Times are milliseconds.
    /// WaitForSingleObject
    DWORD(WINAPI* wait_for)(HANDLE, DWORD) = nullptr;
    /// SetEvent
    BOOL(WINAPI* set_event)(HANDLE) = nullptr;
    /// WaitOnAddress
    BOOL(WINAPI* wait_on_address)(volatile void*, void*, SIZE_T, DWORD) = nullptr;
    /// WakeByAddressSingle
    void(WINAPI* wake_one_by_address)(void*) = nullptr;
    /// WakeByAddressAll
    void(WINAPI* wake_all_by_address)(void*) = nullptr;
    /// QueueUserAPC
    DWORD(WINAPI* queue_apc)(PAPCFUNC, HANDLE, ULONG_PTR) = nullptr;
    /// Sleep
    void(WINAPI* sleep)(DWORD) = nullptr;
    /// SwitchToThread
    BOOL(WINAPI* yield_thread)() = nullptr;
    /// _beginthreadex
    std::uintptr_t(__cdecl* start_thread)(void*, unsigned, thread_function, void*, unsigned, unsigned*) = nullptr;

    // What is asked.
    /// RtlGetVersion
    LONG(WINAPI* version)(RTL_OSVERSIONINFOW*) = nullptr;
    /// ReadProcessMemory, of this process
    BOOL(WINAPI* read_memory)(HANDLE, const void*, void*, SIZE_T, SIZE_T*) = nullptr;
};

/// The system's own functions, complete and good before any initialiser has run. The extension functions of Winsock are
/// looked up by the first call of one of them, through the table in use, once for the process.
extern const system_calls real_system_calls;

/// Written by replaced_system_calls alone, read by system() alone.
inline constinit std::atomic<const system_calls*> system_calls_in_use{&real_system_calls};

/// The table in use, complete. Any thread. Never kept: `system().close_socket(socket)`.
[[nodiscard]] inline const system_calls& system() noexcept {
    // Acquire pairs with the release in replaced_system_calls: the table's contents.
    return *system_calls_in_use.load(std::memory_order_acquire);
}

/// Has other functions in place of the system's while it lives. For tests, simulations and benchmarks: those that live
/// at a time end in reverse order, and while no operation is pending. What was put in use stays readable until the
/// process ends, since a thread may just be reading it.
class [[nodiscard]] replaced_system_calls {
public:
    /// Puts a copy of `wanted` in use; what it leaves null is as before. Throws std::bad_alloc.
    explicit replaced_system_calls(const system_calls& wanted);
    ~replaced_system_calls();
    replaced_system_calls(const replaced_system_calls&) = delete;
    replaced_system_calls& operator=(const replaced_system_calls&) = delete;

    /// What was in use before, for functions that hand calls on.
    [[nodiscard]] const system_calls& before() const noexcept { return before_; }

private:
    const system_calls& before_;
};

} // namespace moor::win
