// Asio's stackful coroutines: connections that come and go.
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "peers/boost/stack_source.hpp"
#include "peers/boost/stackful/spawn_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

using one_byte = std::array<char, 1>;

void wait_for_end(tcp_stream& server, const network_yield& self) {
    one_byte nothing{};
    error_code error;
    server.async_read_some(asio::buffer(nothing), self[error]);
    if (error != asio::error::eof) {
        throw failed("something came, instead of the end");
    }
}

void close_all(tcp_acceptor& acceptor, std::uint64_t count, const network_yield& self) {
    for (std::uint64_t accepted = 0; accepted < count; ++accepted) {
        tcp_stream socket = acceptor.async_accept(self);
        socket.close();
    }
}

void come_and_go(tcp_stream socket, tcp::endpoint where, std::uint64_t count, finish_line& finish,
                 const network_yield& self) {
    for (std::uint64_t done = 0; done < count; ++done) {
        socket.async_connect(where, self);
        wait_for_end(socket, self);
        socket.close();
    }
    finish.arrive();
}

void send_byte_back(tcp_acceptor& acceptor, std::uint64_t count, const network_yield& self) {
    one_byte byte{};
    for (std::uint64_t accepted = 0; accepted < count; ++accepted) {
        tcp_stream socket = acceptor.async_accept(self);
        asio::async_read(socket, asio::buffer(byte), self);
        asio::async_write(socket, asio::buffer(byte), self);
        socket.close();
    }
}

void exchange_byte(tcp_stream socket, tcp::endpoint where, std::uint64_t count, finish_line& finish,
                   const network_yield& self) {
    for (std::uint64_t done = 0; done < count; ++done) {
        socket.async_connect(where, self);
        const one_byte sent{static_cast<char>(done)};
        one_byte answer{};
        asio::async_write(socket, asio::buffer(sent), self);
        asio::async_read(socket, asio::buffer(answer), self);
        if (answer != sent) {
            throw failed("the echo is not what was sent");
        }
        wait_for_end(socket, self);
        socket.close();
    }
    finish.arrive();
}

} // namespace

figures spawn_peer::accept(const request& asked) const {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), count);
    const stack_source stacks(threads_);
    event_loops loops(threads_);
    finish_line finish(count);
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    asio::spawn(
        loops[0].get_executor(), std::allocator_arg, stack_source(stacks),
        [&](const network_yield& self) { close_all(acceptor, each * count, self); }, pass_on);
    for (std::size_t index = 0; index < count; ++index) {
        asio::spawn(
            loops[index].get_executor(), std::allocator_arg, stack_source(stacks),
            [&, index](const network_yield& self) {
                come_and_go(tcp_stream(loops[index]), acceptor.local_endpoint(), each, finish, self);
            },
            pass_on);
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

figures spawn_peer::connect(const request& asked) const {
    const stack_source stacks(threads_);
    event_loops loops(threads_);
    finish_line finish(1);
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    asio::spawn(
        loops[0].get_executor(), std::allocator_arg, stack_source(stacks),
        [&](const network_yield& self) { send_byte_back(acceptor, asked.items(), self); }, pass_on);
    asio::spawn(
        loops[1].get_executor(), std::allocator_arg, stack_source(stacks),
        [&](const network_yield& self) {
            exchange_byte(tcp_stream(loops[1]), acceptor.local_endpoint(), asked.items(), finish, self);
        },
        pass_on);
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, asked.items());
}

} // namespace moor::bench::peers
