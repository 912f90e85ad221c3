// Asio's awaitables: the echo over TCP. A coroutine at each end of a connection; a pipelined client has one that reads
// and one that writes, as in the chat server among Asio's examples.
#include <deque>
#include <span>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "peers/boost/awaitables/awaitables_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

using window = asio::experimental::channel<loop_executor, void(error_code)>;

network_task serve_echo(tcp_stream& peer, std::size_t size) {
    std::vector<char> buffer(size);
    for (;;) {
        const auto [error, come] = co_await peer.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::deferred));
        if (error == asio::error::eof) {
            break;
        }
        check(error);
        co_await asio::async_write(peer, asio::buffer(buffer, come), asio::deferred);
    }
}

network_task request_and_wait(tcp_stream& server, pattern sent, std::uint64_t messages, finish_line& finish) {
    std::vector<char> answer(sent.message().size());
    for (std::uint64_t done = 0; done < messages; ++done) {
        co_await asio::async_write(server, asio::buffer(sent.message()), asio::deferred);
        co_await asio::async_read(server, asio::buffer(answer), asio::deferred);
        sent.check(answer);
    }
    finish.arrive();
    server.shutdown(tcp_stream::shutdown_send);
}

// Takes one from the window for each message.
network_task write_all(tcp_stream& server, const pattern& sent, std::uint64_t messages, window& allowed) {
    for (std::uint64_t done = 0; done < messages; ++done) {
        if (!allowed.try_receive([](error_code) {})) {
            co_await allowed.async_receive(asio::deferred);
        }
        co_await asio::async_write(server, asio::buffer(sent.message()), asio::deferred);
    }
}

network_task read_all(tcp_stream& server, pattern& sent, std::uint64_t messages, window& allowed, finish_line& finish) {
    std::vector<char> buffer(buffer_size(sent.message().size()));
    for (std::uint64_t done = 0; done < messages;) {
        const std::size_t come = co_await server.async_read_some(asio::buffer(buffer), asio::deferred);
        const std::uint64_t whole = sent.check(std::span(buffer).first(come));
        for (std::uint64_t index = 0; index < whole; ++index) {
            allowed.try_send(error_code());
        }
        done += whole;
    }
    finish.arrive();
    server.shutdown(tcp_stream::shutdown_send);
}

// What the two coroutines of a pipelined client share.
struct pipeline {
    pipeline(pattern messages, loop_executor loop, std::uint64_t in_flight)
        : sent(std::move(messages)), allowed(loop, in_flight) {
        for (std::uint64_t message = 0; message < in_flight; ++message) {
            allowed.try_send(error_code());
        }
    }

    pattern sent;
    window allowed;
};

} // namespace

figures awaitables_peer::echo(const request& asked) const {
    const std::uint64_t count = asked["connections"];
    const std::uint64_t in_flight = asked["in_flight"];
    const std::uint64_t each = equal_share(asked.items(), count);
    event_loops loops(threads_);
    finish_line finish(count);
    std::vector<connection> made = connections(loops, count);
    std::deque<pipeline> pipelines;
    for (std::size_t index = 0; index < count; ++index) {
        const loop_executor loop = loops[index].get_executor();
        auto& [client, server] = made[index];
        co_spawn(loop, serve_echo(server, buffer_size(asked["size"])), pass_on);
        if (in_flight == 1) {
            co_spawn(loop, request_and_wait(client, pattern(index, asked["size"]), each, finish), pass_on);
            continue;
        }
        auto& [sent, allowed] = pipelines.emplace_back(pattern(index, asked["size"]), loop, in_flight);
        co_spawn(loop, write_all(client, sent, each, allowed), pass_on);
        co_spawn(loop, read_all(client, sent, each, allowed, finish), pass_on);
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

} // namespace moor::bench::peers
