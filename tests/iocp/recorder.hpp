// A table of system calls that starts nothing, remembers what it was given, and answers as a test told it.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "iocp/overlapped_calls.hpp"
#include "win/socket.hpp"
#include "win/system_calls.hpp"

namespace moor::iocp {

/// A system that remembers the one call it got and answers as told.
struct recorder {
    static inline std::vector<WSABUF> buffers;
    static inline OVERLAPPED* overlapped = nullptr;
    static inline DWORD* transferred = nullptr;
    static inline DWORD flags = 0;
    static inline sockaddr_storage address{};
    static inline int address_length = 0;
    static inline DWORD local_size = 0;
    static inline DWORD remote_size = 0;
    static inline DWORD data_size = 0;
    static inline WSAMSG* message = nullptr;
    static inline sockaddr* written_name = nullptr;
    static inline int* written_length = nullptr;
    static inline DWORD* written_flags = nullptr;
    static inline HANDLE file_sent = nullptr;
    static inline int error = 0;
    static inline DWORD count = 0;

    static int answer() {
        *transferred = count;
        ::WSASetLastError(error);
        return error == 0 ? 0 : SOCKET_ERROR;
    }
    static int WSAAPI receive(SOCKET, WSABUF* given, DWORD given_count, DWORD* bytes, DWORD* given_flags,
                              OVERLAPPED* call, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
        EXPECT_EQ(routine, nullptr);
        buffers.assign(given, given + given_count);
        overlapped = call;
        transferred = bytes;
        flags = *given_flags;
        return answer();
    }
    static int WSAAPI send(SOCKET, WSABUF* given, DWORD given_count, DWORD* bytes, DWORD given_flags, OVERLAPPED* call,
                           LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
        return receive(0, given, given_count, bytes, &given_flags, call, routine);
    }
    static BOOL PASCAL accept(SOCKET, SOCKET, void*, DWORD data, DWORD local, DWORD remote, DWORD* bytes,
                              OVERLAPPED* call) noexcept {
        overlapped = call;
        transferred = bytes;
        data_size = data;
        local_size = local;
        remote_size = remote;
        return answer() == 0;
    }
    static BOOL PASCAL connect(SOCKET, const sockaddr* name, int length, void*, DWORD, DWORD* bytes,
                               OVERLAPPED* call) noexcept {
        overlapped = call;
        transferred = bytes;
        address_length = length;
        std::memcpy(&address, name, static_cast<std::size_t>(length));
        return answer() == 0;
    }
    static int WSAAPI receive_from(SOCKET, WSABUF* given, DWORD given_count, DWORD* bytes, DWORD* given_flags,
                                   sockaddr* name, int* length, OVERLAPPED* call,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
        written_name = name;
        written_length = length;
        written_flags = given_flags;
        return receive(0, given, given_count, bytes, given_flags, call, routine);
    }
    static int WSAAPI receive_message(SOCKET, WSAMSG* given, DWORD* bytes, OVERLAPPED* call,
                                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
        EXPECT_EQ(routine, nullptr);
        message = given;
        buffers.assign(given->lpBuffers, given->lpBuffers + given->dwBufferCount);
        overlapped = call;
        transferred = bytes;
        return answer();
    }
    static int WSAAPI send_message(SOCKET, WSAMSG* given, DWORD given_flags, DWORD* bytes, OVERLAPPED* call,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) noexcept {
        flags = given_flags;
        return receive_message(0, given, bytes, call, routine);
    }
    static BOOL PASCAL disconnect(SOCKET, OVERLAPPED* call, DWORD given_flags, DWORD reserved) noexcept {
        EXPECT_EQ(reserved, 0u);
        overlapped = call;
        flags = given_flags;
        ::WSASetLastError(error);
        return error == 0;
    }
    static BOOL PASCAL send_file(SOCKET, HANDLE file, DWORD bytes, DWORD per_send, OVERLAPPED* call,
                                 TRANSMIT_FILE_BUFFERS* around, DWORD given_flags) noexcept {
        EXPECT_EQ(per_send, 0u);
        EXPECT_EQ(around, nullptr);
        EXPECT_EQ(given_flags, 0u);
        overlapped = call;
        file_sent = file;
        data_size = bytes;
        call->InternalHigh = count;
        ::WSASetLastError(error);
        return error == 0;
    }
    static BOOL WSAAPI result(SOCKET, OVERLAPPED* call, DWORD* bytes, BOOL waits, DWORD* given_flags) noexcept {
        EXPECT_FALSE(waits);
        overlapped = call;
        transferred = bytes;
        written_flags = given_flags;
        *given_flags = MSG_PARTIAL;
        return answer() == 0;
    }
    static BOOL WINAPI cancel(HANDLE, OVERLAPPED* call) noexcept {
        overlapped = call;
        return TRUE;
    }
};

/// Calls of a plain thread that the recorder gets; on a socket that skips the packets of successes.
class recorded_calls : public testing::Test {
protected:
    void SetUp() override {
        recorder::error = 0;
        recorder::count = 0;
        recorder::flags = 0xffff;
        socket.skips_packet_on_success = true;
    }

    // A plain thread's operations: not of a runtime, but pooled.
    operation_pool pool{64};
    operation& call = pool.acquire(nullptr);
    win::unique_socket socket;

private:
    // send_to is left out: the system's own.
    const win::replaced_system_calls replaced_{{
        .receive = &recorder::receive,
        .send = &recorder::send,
        .accept = &recorder::accept,
        .connect = &recorder::connect,
        .receive_from = &recorder::receive_from,
        .receive_message = &recorder::receive_message,
        .send_message = &recorder::send_message,
        .disconnect = &recorder::disconnect,
        .send_file = &recorder::send_file,
        .result = &recorder::result,
        .cancel = &recorder::cancel,
    }};
};

} // namespace moor::iocp
