// Stands in for src/win/windows.hpp: of the system's names those that the modelled files use, with the layout that they
// rely on. What the calls do is in system.cpp.
#pragma once

#include <cstdint>

using BOOL = int;
using DWORD = std::uint32_t;
using ULONG = std::uint32_t;
using NTSTATUS = std::int32_t;
using ULONG_PTR = std::uintptr_t;
using HANDLE = void*;
using SOCKET = std::uintptr_t;

inline constexpr DWORD INFINITE = 0xffffffff;
inline constexpr SOCKET INVALID_SOCKET = ~SOCKET{0};
inline constexpr DWORD ERROR_IO_PENDING = 997;
inline constexpr DWORD ERROR_OPERATION_ABORTED = 995;
inline const HANDLE INVALID_HANDLE_VALUE = reinterpret_cast<HANDLE>(~std::uintptr_t{0});

struct OVERLAPPED {
    ULONG_PTR Internal = 0;
    ULONG_PTR InternalHigh = 0;
    std::uint64_t Offset = 0;
    HANDLE hEvent = nullptr;
};

struct OVERLAPPED_ENTRY {
    ULONG_PTR lpCompletionKey;
    OVERLAPPED* lpOverlapped;
    ULONG_PTR Internal;
    DWORD dwNumberOfBytesTransferred;
};

struct WSABUF {
    ULONG len = 0;
    char* buf = nullptr;
};

struct WSAMSG {
    void* name = nullptr;
};

struct sockaddr_storage {
    char bytes[128];
};

ULONG RtlNtStatusToDosError(NTSTATUS status);
