// Law 1, call by call: every address that the newer calls are given is that of a member of the operation.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>

#include "iocp/recorder.hpp"

namespace moor::iocp {
namespace {

class call_parameters : public recorded_calls {};

TEST_F(call_parameters, receive_from_writes_to_the_operation_alone) {
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

TEST_F(call_parameters, messages_name_the_operation_alone) {
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

TEST_F(call_parameters, a_file_is_sent_from_its_offset) {
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

TEST_F(call_parameters, disconnecting_wants_every_packet) {
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

TEST_F(call_parameters, results_are_written_to_the_operation_alone) {
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
TEST_F(call_parameters, an_entry_that_is_left_out_is_the_system_s_own) {
    const win::winsock_session winsock;
    std::array<std::byte, 10> data{};
    EXPECT_EQ(send_to(call, socket, data, endpoint("127.0.0.1", 9)), submission::completed);
    EXPECT_EQ(call.error(), static_cast<std::uint32_t>(WSAENOTSOCK));
}

} // namespace
} // namespace moor::iocp
