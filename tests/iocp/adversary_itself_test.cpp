// The adversary is itself tried: it must see an address that is not an operation's, both when it is handed over and by
// what is then written there.
#include "support/adversary.hpp"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "io/io_context.hpp"
#include "support/run.hpp"

namespace moor::test {
namespace {

using offences = std::vector<std::string>;

TEST(adversary_itself, sees_addresses_on_a_stack) {
    in_runtime(1, [] {
        adversary system(1, {.at_once = 1, .whole = 1});
        adversary::line line = system.make_line();
        std::array<char, 4> data{};
        WSABUF buffer{4, data.data()};
        std::error_code error;
        const auto call = io::operation_owner::acquire(*io::current_io().service, error);
        DWORD on_stack = 0;
        const auto& table = win::system();
        EXPECT_EQ(table.send(line.first.get(), &buffer, 1, &call->parameters.transferred, 0,
                             &call->parameters.overlapped, nullptr),
                  0);
        EXPECT_EQ(system.offences().size(), 1u) << "the buffer array";
        call->parameters.buffers[0] = buffer;
        EXPECT_EQ(table.send(line.first.get(), call->parameters.buffers.data(), 1, &on_stack, 0,
                             &call->parameters.overlapped, nullptr),
                  0);
        EXPECT_EQ(system.offences().size(), 2u) << "the byte count";
        OVERLAPPED overlapped{};
        EXPECT_EQ(table.send(line.first.get(), call->parameters.buffers.data(), 1, &call->parameters.transferred, 0,
                             &overlapped, nullptr),
                  0);
        EXPECT_EQ(system.offences().size(), 3u) << "the OVERLAPPED";
    });
}

// The bug of the report: the sender's address and its length on the stack of the coroutine that waits.
TEST(adversary_itself, finds_its_pattern_on_a_stack) {
    in_runtime(1, [] {
        adversary system(1, {.by_hand = true});
        iocp::io_service& service = *io::current_io().service;
        const win::unique_socket socket = system.make_datagram_socket({"10.0.0.1", 1});
        std::array<std::byte, 16> data{};
        std::error_code error;
        const auto call = io::operation_owner::acquire(service, error);
        iocp::kernel_parameters& parameters = call->parameters;
        const auto submit = [&](sockaddr_storage& from, int& from_length) {
            call->begin();
            parameters.buffers[0] = {static_cast<ULONG>(data.size()), reinterpret_cast<char*>(data.data())};
            from_length = sizeof from;
            return win::system().receive_from(socket.get(), parameters.buffers.data(), 1, &parameters.transferred,
                                              &parameters.flags, reinterpret_cast<sockaddr*>(&from), &from_length,
                                              &parameters.overlapped, nullptr);
        };
        const auto end = [&] {
            EXPECT_TRUE(system.end_call(socket.get(), scripted_end::succeeds_later(3)));
            EXPECT_EQ(io::await(*call, win::io_handle(socket), {}), detail::wake_reason::notified);
            EXPECT_EQ(call->transferred(), 3u);
        };

        ASSERT_EQ(submit(parameters.address, parameters.address_length), SOCKET_ERROR);
        EXPECT_EQ(system.search_memory(), offences{});
        end();
        EXPECT_EQ(system.offences(), offences{});

        sockaddr_storage on_stack{};
        ASSERT_EQ(submit(on_stack, parameters.address_length), SOCKET_ERROR);
        EXPECT_EQ(system.offences().size(), 1u) << "the address";
        EXPECT_EQ(system.search_memory().size(), 20u) << "as many words as are reported of its 32";
        end();
        on_stack = {};

        int length_on_stack = 0;
        ASSERT_EQ(submit(parameters.address, length_on_stack), SOCKET_ERROR);
        EXPECT_EQ(system.offences().size(), 2u) << "its length";
        EXPECT_EQ(system.search_memory().size(), 1u);
        end();
        EXPECT_EQ(length_on_stack, static_cast<int>(sizeof(sockaddr_in))) << "the true value came late as well";
        EXPECT_EQ(system.search_memory(), offences{});
    });
}

} // namespace
} // namespace moor::test
