#include "iocp/overlapped_calls.hpp"

#include <array>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "iocp/io_context.hpp"
#include "iocp/system_calls.hpp"
#include "support/child.hpp"
#include "support/run.hpp"
#include "win/virtual_memory.hpp"

namespace moor::iocp {
namespace {

// A system that remembers the one call it got and answers as told.
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

class overlapped_calls : public testing::Test {
protected:
    void SetUp() override {
        recorder::error = 0;
        recorder::count = 0;
        recorder::flags = 0xffff;
        replace_system_calls(&table_);
        socket.skips_packet_on_success = true;
    }
    void TearDown() override { replace_system_calls(nullptr); }

    // A plain thread's operations: not of a runtime, but pooled.
    operation_pool pool{64};
    operation& call = pool.acquire(nullptr);
    win::unique_socket socket;

private:
    static system_calls recorders() {
        system_calls table{&recorder::receive, &recorder::send, &recorder::accept, &recorder::connect,
                           &recorder::cancel};
        table.receive_from = &recorder::receive_from;
        table.receive_message = &recorder::receive_message;
        table.send_message = &recorder::send_message;
        table.disconnect = &recorder::disconnect;
        table.send_file = &recorder::send_file;
        table.result = &recorder::result;
        return table; // send_to is left out: the system's own
    }
    const system_calls table_ = recorders();
};

TEST_F(overlapped_calls, success_at_once_is_complete_when_no_packet_will_come) {
    std::array<std::byte, 10> data{};
    recorder::count = 10;
    EXPECT_EQ(receive(call, socket, data), submission::completed);
    EXPECT_TRUE(call.completed());
    EXPECT_EQ(call.transferred(), 10u);
    EXPECT_EQ(call.error(), 0u);
    EXPECT_EQ(recorder::flags, 0u);
    EXPECT_EQ(recorder::overlapped, &call.parameters.overlapped);
    EXPECT_EQ(recorder::transferred, &call.parameters.transferred);
}

TEST_F(overlapped_calls, success_at_once_is_pending_when_a_packet_will_come) {
    socket.skips_packet_on_success = false;
    std::array<std::byte, 10> data{};
    recorder::count = 10;
    EXPECT_EQ(send(call, socket, data), submission::pending);
    EXPECT_FALSE(call.completed());
    EXPECT_EQ(call.packet_dequeued(10), packet_outcome::delivered);
    EXPECT_EQ(call.transferred(), 10u);
}

TEST_F(overlapped_calls, a_failure_is_complete_and_a_pending_call_is_not) {
    std::array<std::byte, 10> data{};
    recorder::count = 5; // what a failing call leaves there means nothing
    recorder::error = WSAECONNRESET;
    EXPECT_EQ(send(call, socket, data), submission::completed);
    EXPECT_EQ(call.error(), static_cast<std::uint32_t>(WSAECONNRESET));
    EXPECT_EQ(call.transferred(), 0u);
    recorder::error = WSA_IO_PENDING;
    EXPECT_EQ(send(call, socket, data), submission::pending);
    EXPECT_FALSE(call.completed());
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);
}

// All errors that Winsock documents for the calls reach the operation as they are.
TEST_F(overlapped_calls, every_documented_error_is_kept) {
    std::array<std::byte, 1> data{};
    for (const int error : std::initializer_list<int>{
             WSAECONNABORTED, WSAECONNRESET, WSAEDISCON,     WSAEFAULT,       WSAEINPROGRESS,    WSAEINTR,
             WSAEINVAL,       WSAEMSGSIZE,   WSAENETDOWN,    WSAENETRESET,    WSAENOTCONN,       WSAENOTSOCK,
             WSAEOPNOTSUPP,   WSAESHUTDOWN,  WSAETIMEDOUT,   WSAEWOULDBLOCK,  WSANOTINITIALISED, WSA_OPERATION_ABORTED,
             WSAEACCES,       WSAENOBUFS,    WSAEADDRINUSE,  WSAEALREADY,     WSAEADDRNOTAVAIL,  WSAEAFNOSUPPORT,
             WSAECONNREFUSED, WSAEISCONN,    WSAENETUNREACH, WSAEHOSTUNREACH, WSAEMFILE}) {
        recorder::error = error;
        EXPECT_EQ(receive(call, socket, data), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(send(call, socket, data), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(accept(call, socket, socket), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(connect(call, socket, endpoint()), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(receive_from(call, socket, data), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(receive_message(call, socket, {}), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(send_message(call, socket, {}, endpoint(), {}), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        EXPECT_EQ(send_file(call, socket, win::io_handle(nullptr, false), 0, 1), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        socket.skips_packet_on_success = false;
        EXPECT_EQ(disconnect(call, socket, false), submission::completed);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(error));
        socket.skips_packet_on_success = true;
    }
}

TEST_F(overlapped_calls, an_empty_receive_has_one_buffer_of_no_bytes) {
    EXPECT_EQ(receive(call, socket, std::span<std::byte>()), submission::completed);
    ASSERT_EQ(recorder::buffers.size(), 1u);
    EXPECT_EQ(recorder::buffers[0].len, 0u);
    EXPECT_NE(recorder::buffers[0].buf, nullptr);
}

TEST_F(overlapped_calls, lists_are_cut_and_their_empty_buffers_passed_over) {
    std::array<std::byte, 40> data{};
    std::vector<std::span<const std::byte>> list;
    for (std::size_t index = 0; index < data.size(); ++index) {
        list.emplace_back();
        list.push_back(std::span(data).subspan(index, 1));
    }
    EXPECT_EQ(send(call, socket, list, 0), submission::completed);
    ASSERT_EQ(recorder::buffers.size(), kernel_parameters::most_buffers);
    for (std::size_t index = 0; index < recorder::buffers.size(); ++index) {
        EXPECT_EQ(recorder::buffers[index].buf, reinterpret_cast<char*>(&data[index]));
        EXPECT_EQ(recorder::buffers[index].len, 1u);
    }
}

TEST_F(overlapped_calls, skips_only_in_the_first_buffer) {
    std::array<std::byte, 10> data{};
    const std::array<std::span<std::byte>, 2> list{std::span(data).first(6), std::span(data).last(4)};
    EXPECT_EQ(receive(call, socket, list, 4), submission::completed);
    ASSERT_EQ(recorder::buffers.size(), 2u);
    EXPECT_EQ(recorder::buffers[0].len, 2u);
    EXPECT_EQ(recorder::buffers[0].buf, reinterpret_cast<char*>(&data[4]));
    EXPECT_EQ(recorder::buffers[1].len, 4u);
}

// A WSABUF holds 32 bits of length and a packet 32 bits of count.
TEST_F(overlapped_calls, data_beyond_four_gibibytes_is_cut) {
    const win::address_space room(std::size_t{6} << 30); // reserved only: nobody touches it
    const std::span<const std::byte> whole(room.base(), room.size());
    EXPECT_EQ(send(call, socket, whole), submission::completed);
    ASSERT_EQ(recorder::buffers.size(), 1u);
    EXPECT_EQ(recorder::buffers[0].len, most_bytes_per_call);

    const std::array<std::span<const std::byte>, 3> list{whole.first(1000), whole, whole};
    EXPECT_EQ(send(call, socket, list, 0), submission::completed);
    ASSERT_EQ(recorder::buffers.size(), 2u);
    EXPECT_EQ(recorder::buffers[0].len, 1000u);
    EXPECT_EQ(recorder::buffers[1].len, most_bytes_per_call - 1000);

    const std::size_t skipped = std::size_t{5} << 30;
    EXPECT_EQ(send(call, socket, std::span(list).subspan(1), skipped), submission::completed);
    EXPECT_EQ(recorder::buffers[0].buf, reinterpret_cast<char*>(room.base() + skipped));
}

TEST_F(overlapped_calls, accept_has_room_for_both_addresses) {
    EXPECT_EQ(accept(call, socket, socket), submission::completed);
    EXPECT_EQ(recorder::data_size, 0u);
    EXPECT_GE(recorder::local_size, sizeof(sockaddr_in6) + 16);
    EXPECT_GE(recorder::remote_size, sizeof(sockaddr_in6) + 16);
    EXPECT_LE(recorder::local_size + recorder::remote_size, sizeof(kernel_parameters::scratch));
}

TEST_F(overlapped_calls, connect_keeps_the_address_in_the_operation) {
    recorder::error = WSA_IO_PENDING;
    EXPECT_EQ(connect(call, socket, endpoint("::1", 80)), submission::pending);
    EXPECT_EQ(recorder::address_length, static_cast<int>(sizeof(sockaddr_in6)));
    EXPECT_EQ(recorder::address.ss_family, AF_INET6);
    EXPECT_EQ(call.parameters.address.ss_family, AF_INET6);
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);
}

TEST_F(overlapped_calls, receive_from_writes_to_the_operation_alone) {
    std::array<std::byte, 10> data{};
    recorder::error = WSA_IO_PENDING;
    EXPECT_EQ(receive_from(call, socket, data), submission::pending);
    kernel_parameters& parameters = call.parameters;
    EXPECT_EQ(recorder::written_name, reinterpret_cast<sockaddr*>(&parameters.address));
    EXPECT_EQ(recorder::written_length, &parameters.address_length);
    EXPECT_EQ(parameters.address_length, static_cast<int>(sizeof parameters.address));
    EXPECT_EQ(recorder::written_flags, &parameters.flags);
    EXPECT_EQ(recorder::transferred, &parameters.transferred);
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);
}

TEST_F(overlapped_calls, messages_name_the_operation_alone) {
    std::array<std::byte, 10> data{};
    const std::array<std::span<std::byte>, 2> into{std::span(data).first(6), std::span(data).last(4)};
    recorder::error = WSA_IO_PENDING;
    EXPECT_EQ(receive_message(call, socket, into), submission::pending);
    kernel_parameters& parameters = call.parameters;
    const auto expect_header = [&parameters] {
        EXPECT_EQ(recorder::message, &parameters.message);
        EXPECT_EQ(parameters.message.name, reinterpret_cast<sockaddr*>(&parameters.address));
        EXPECT_EQ(parameters.message.lpBuffers, parameters.buffers.data());
        EXPECT_EQ(parameters.message.Control.buf, reinterpret_cast<char*>(parameters.scratch.data()));
        EXPECT_EQ(parameters.message.dwFlags, 0u);
        EXPECT_EQ(recorder::transferred, &parameters.transferred);
        EXPECT_EQ(recorder::overlapped, &parameters.overlapped);
    };
    expect_header();
    EXPECT_EQ(parameters.message.namelen, static_cast<int>(sizeof parameters.address));
    EXPECT_EQ(parameters.message.Control.len, sizeof parameters.scratch);
    ASSERT_EQ(recorder::buffers.size(), 2u);
    EXPECT_EQ(recorder::buffers[1].buf, reinterpret_cast<char*>(&data[6]));
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);

    const std::array<std::span<const std::byte>, 1> from{data};
    EXPECT_EQ(send_message(call, socket, from, endpoint("::1", 80), {endpoint("::1", 0), 7, 42, 2}),
              submission::pending);
    expect_header();
    EXPECT_EQ(parameters.message.namelen, static_cast<int>(sizeof(sockaddr_in6)));
    EXPECT_EQ(parameters.address.ss_family, AF_INET6);
    const packet_details sent = read_details(parameters);
    EXPECT_EQ(sent.local, endpoint("::1", 0));
    EXPECT_EQ(sent.interface_index, 7u);
    EXPECT_EQ(sent.hop_limit, 42);
    EXPECT_EQ(sent.congestion, 2);
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);
}

TEST_F(overlapped_calls, a_file_is_sent_from_its_offset) {
    constexpr std::uint64_t offset = 0x123456789;
    const win::io_handle file(reinterpret_cast<HANDLE>(std::uintptr_t{44}), false);
    recorder::error = WSA_IO_PENDING;
    EXPECT_EQ(send_file(call, socket, file, offset, 1000), submission::pending);
    EXPECT_EQ(recorder::file_sent, file.get());
    EXPECT_EQ(recorder::data_size, 1000u);
    EXPECT_EQ(call.parameters.overlapped.Offset, 0x23456789u);
    EXPECT_EQ(call.parameters.overlapped.OffsetHigh, 1u);
    EXPECT_EQ(call.packet_dequeued(1000), packet_outcome::delivered);
    EXPECT_EQ(call.transferred(), 1000u);
    // At once, and no packet will say how many.
    recorder::error = 0;
    recorder::count = 900;
    EXPECT_EQ(send_file(call, socket, file, offset, 900), submission::completed);
    EXPECT_EQ(call.transferred(), 900u);
}

TEST_F(overlapped_calls, disconnecting_wants_every_packet) {
    EXPECT_EQ(disconnect(call, socket, true), submission::completed);
    EXPECT_EQ(call.error(), static_cast<std::uint32_t>(WSAEINVAL));
    socket.skips_packet_on_success = false;
    EXPECT_EQ(disconnect(call, socket, true), submission::pending);
    EXPECT_EQ(recorder::flags, static_cast<DWORD>(TF_REUSE_SOCKET));
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);
    EXPECT_EQ(disconnect(call, socket, false), submission::pending);
    EXPECT_EQ(recorder::flags, 0u);
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::delivered);
}

TEST_F(overlapped_calls, results_are_written_to_the_operation_alone) {
    recorder::count = 12;
    winsock_result result = result_of(call, socket);
    EXPECT_EQ(recorder::overlapped, &call.parameters.overlapped);
    EXPECT_EQ(recorder::transferred, &call.parameters.transferred);
    EXPECT_EQ(recorder::written_flags, &call.parameters.flags);
    EXPECT_EQ(result.error, 0u);
    EXPECT_EQ(result.transferred, 12u);
    EXPECT_EQ(result.flags, static_cast<std::uint32_t>(MSG_PARTIAL));
    recorder::error = WSAEMSGSIZE;
    result = result_of(call, socket);
    EXPECT_EQ(result.error, static_cast<std::uint32_t>(WSAEMSGSIZE));
}

// A table that a test made before there were more calls.
TEST_F(overlapped_calls, an_entry_that_is_left_out_is_the_system_s_own) {
    const win::winsock_session winsock;
    std::array<std::byte, 10> data{};
    EXPECT_EQ(send_to(call, socket, data, endpoint("127.0.0.1", 9)), submission::completed);
    EXPECT_EQ(call.error(), static_cast<std::uint32_t>(WSAENOTSOCK));
}

TEST_F(overlapped_calls, cancel_names_the_operation_and_cancel_all_none) {
    cancel(call, win::io_handle(socket));
    EXPECT_EQ(recorder::overlapped, &call.parameters.overlapped);
    cancel_all(win::io_handle(socket));
    EXPECT_EQ(recorder::overlapped, nullptr);
}

TEST(system_calls, are_all_there_and_can_be_replaced) {
    const win::winsock_session winsock;
    const system_calls& real = real_system_calls();
    EXPECT_EQ(real.receive, &::WSARecv);
    EXPECT_NE(real.accept, nullptr);
    EXPECT_NE(real.connect, nullptr);
    EXPECT_EQ(real.receive_from, &::WSARecvFrom);
    EXPECT_EQ(real.send_to, &::WSASendTo);
    EXPECT_NE(real.receive_message, nullptr);
    EXPECT_NE(real.send_message, nullptr);
    EXPECT_NE(real.disconnect, nullptr);
    EXPECT_NE(real.send_file, nullptr);
    EXPECT_EQ(real.result, &::WSAGetOverlappedResult);
    EXPECT_EQ(&current_system_calls(), &real);
    const system_calls other = real;
    replace_system_calls(&other);
    EXPECT_EQ(&current_system_calls(), &other);
    replace_system_calls(nullptr);
    EXPECT_EQ(&current_system_calls(), &real);
}

#if !defined(NDEBUG)

// Law 1 at run time.
const test::scenario submits_from_a_stack("submits_from_a_stack", [] {
    operation on_stack;
    std::array<std::byte, 1> data{};
    static_cast<void>(receive(on_stack, win::unique_socket(), data));
});

const test::scenario submits_from_the_heap("submits_from_the_heap", [] {
    test::in_runtime(1, [] {
        const auto on_heap = std::make_unique<operation>();
        std::array<std::byte, 1> data{};
        static_cast<void>(receive(*on_heap, win::unique_socket(), data));
    });
});

TEST(debug_builds, end_the_process_for_an_operation_outside_the_pool) {
    const auto stack = test::run_in_child(submits_from_a_stack);
    EXPECT_EQ(stack.exit_status, 3u);
    EXPECT_NE(stack.error_output.find("lies on a stack"), std::string::npos) << stack.error_output;
    const auto heap = test::run_in_child(submits_from_the_heap);
    EXPECT_EQ(heap.exit_status, 3u);
    EXPECT_NE(heap.error_output.find("outside its runtime's pool"), std::string::npos) << heap.error_output;
}

#endif

} // namespace
} // namespace moor::iocp
