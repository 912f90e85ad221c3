// Starting overlapped calls: what becomes of each, what it is given, and that no operation lies outside the pool.
#include <array>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "io/io_context.hpp"
#include "iocp/recorder.hpp"
#include "support/child.hpp"
#include "support/run.hpp"
#include "win/virtual_memory.hpp"

namespace moor::iocp {
namespace {

class overlapped_calls : public recorded_calls {};

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

TEST_F(overlapped_calls, cancel_names_the_operation_and_cancel_all_none) {
    cancel(call, win::io_handle(socket));
    EXPECT_EQ(recorder::overlapped, &call.parameters.overlapped);
    cancel_all(win::io_handle(socket));
    EXPECT_EQ(recorder::overlapped, nullptr);
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
