// A datagram socket with one operation, for tests of the calls themselves.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <moor/endpoint.hpp>

#include "io/io_context.hpp"
#include "iocp/overlapped_calls.hpp"
#include "iocp/socket_address.hpp"
#include "net/socket_options.hpp"

namespace moor::iocp {

/// A bound datagram socket of the calling coroutine's runtime. Its successes post packets, too.
struct test_datagram_socket {
    explicit test_datagram_socket(address_family family)
        : service(*io::current_io().service),
          socket(win::unique_socket::open(native_family(family), SOCK_DGRAM, IPPROTO_UDP)) {
        EXPECT_TRUE(socket);
        EXPECT_FALSE(net::bind(socket, endpoint::loopback(family, 0)));
        bool skips = true;
        EXPECT_FALSE(service.port.associate(reinterpret_cast<HANDLE>(socket.get()), skips));
        EXPECT_FALSE(skips);
        std::error_code error;
        address = net::local_endpoint(socket, error);
        call = io::operation_owner::acquire(service, error);
        EXPECT_FALSE(error);
    }

    void finish(submission submitted) {
        if (submitted == submission::pending) {
            EXPECT_EQ(io::await(*call, win::io_handle(socket), wait_limit(std::chrono::seconds(20))),
                      detail::wake_reason::notified);
        }
    }

    /// Returns the error.
    std::uint32_t send(std::string_view text, const endpoint& to) {
        finish(send_to(*call, socket, std::as_bytes(std::span(text)), to));
        return socket_error(*call, socket);
    }

    struct received {
        std::uint32_t error = 0;
        std::string text;
        endpoint sender;
    };
    received receive(std::size_t room) {
        std::array<std::byte, 64> buffer{};
        finish(receive_from(*call, socket, std::span(buffer).first(room)));
        return {socket_error(*call, socket),
                {reinterpret_cast<const char*>(buffer.data()), call->transferred()},
                from_sockaddr(call->parameters.address)};
    }

    /// What a message form says beside the data.
    struct message : received {
        packet_details details;
        std::uint32_t flags = 0;
    };
    message receive_parts(std::span<const std::span<std::byte>> parts) {
        finish(receive_message(*call, socket, parts));
        message got;
        got.error = socket_error(*call, socket);
        const winsock_result result = result_of(*call, socket);
        EXPECT_EQ(result.error, got.error);
        EXPECT_EQ(result.transferred, call->transferred());
        std::size_t left = call->transferred();
        for (const auto part : parts) {
            const std::size_t step = std::min(left, part.size());
            got.text.append(reinterpret_cast<const char*>(part.data()), step);
            left -= step;
        }
        got.sender = from_sockaddr(call->parameters.address);
        got.details = read_details(call->parameters);
        got.flags = call->parameters.message.dwFlags | result.flags;
        return got;
    }
    /// Returns the error.
    std::uint32_t send_parts(std::span<const std::span<const std::byte>> parts, const endpoint& to,
                             const packet_details& details) {
        finish(send_message(*call, socket, parts, to, details));
        return socket_error(*call, socket);
    }

    io_service& service;
    win::unique_socket socket;
    endpoint address;
    io::operation_owner call;
};

} // namespace moor::iocp
