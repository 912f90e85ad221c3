// Asio's awaitables: connections that come and go.
#include <array>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "peers/boost/awaitables/awaitables_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

using one_byte = std::array<char, 1>;

network_task wait_for_end(tcp_stream& server) {
    one_byte nothing{};
    const auto [error, come] = co_await server.async_read_some(asio::buffer(nothing), asio::as_tuple(asio::deferred));
    if (error != asio::error::eof) {
        throw failed("something came, instead of the end");
    }
}

network_task close_all(tcp_acceptor& acceptor, std::uint64_t count) {
    for (std::uint64_t accepted = 0; accepted < count; ++accepted) {
        tcp_stream socket = co_await acceptor.async_accept(asio::deferred);
        socket.close();
    }
}

network_task come_and_go(tcp_stream socket, tcp::endpoint where, std::uint64_t count, finish_line& finish) {
    for (std::uint64_t done = 0; done < count; ++done) {
        co_await socket.async_connect(where, asio::deferred);
        co_await wait_for_end(socket);
        socket.close();
    }
    finish.arrive();
}

network_task send_byte_back(tcp_acceptor& acceptor, std::uint64_t count) {
    one_byte byte{};
    for (std::uint64_t accepted = 0; accepted < count; ++accepted) {
        tcp_stream socket = co_await acceptor.async_accept(asio::deferred);
        co_await asio::async_read(socket, asio::buffer(byte), asio::deferred);
        co_await asio::async_write(socket, asio::buffer(byte), asio::deferred);
        socket.close();
    }
}

network_task exchange_byte(tcp_stream socket, tcp::endpoint where, std::uint64_t count, finish_line& finish) {
    for (std::uint64_t done = 0; done < count; ++done) {
        co_await socket.async_connect(where, asio::deferred);
        const one_byte sent{static_cast<char>(done)};
        one_byte answer{};
        co_await asio::async_write(socket, asio::buffer(sent), asio::deferred);
        co_await asio::async_read(socket, asio::buffer(answer), asio::deferred);
        if (answer != sent) {
            throw failed("the echo is not what was sent");
        }
        co_await wait_for_end(socket);
        socket.close();
    }
    finish.arrive();
}

} // namespace

figures awaitables_peer::accept(const request& asked) const {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), count);
    event_loops loops(threads_);
    finish_line finish(count);
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    co_spawn(loops[0].get_executor(), close_all(acceptor, each * count), pass_on);
    for (std::size_t index = 0; index < count; ++index) {
        co_spawn(loops[index].get_executor(),
                 come_and_go(tcp_stream(loops[index]), acceptor.local_endpoint(), each, finish), pass_on);
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

figures awaitables_peer::connect(const request& asked) const {
    event_loops loops(threads_);
    finish_line finish(1);
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    co_spawn(loops[0].get_executor(), send_byte_back(acceptor, asked.items()), pass_on);
    co_spawn(loops[1].get_executor(),
             exchange_byte(tcp_stream(loops[1]), acceptor.local_endpoint(), asked.items(), finish), pass_on);
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, asked.items());
}

} // namespace moor::bench::peers
