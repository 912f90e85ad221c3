// Asio's stackful coroutines: the echo over TCP. A coroutine at each end of a connection; a pipelined client has one
// that reads and one that writes, like those of the chat server among Asio's examples.
#include <deque>
#include <span>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "peers/boost/stack_source.hpp"
#include "peers/boost/stackful/spawn_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

using window = asio::experimental::channel<loop_executor, void(error_code)>;

void serve_echo(tcp_stream& peer, std::size_t size, const network_yield& self) {
    std::vector<char> buffer(size);
    for (;;) {
        error_code error;
        const std::size_t come = peer.async_read_some(asio::buffer(buffer), self[error]);
        if (error == asio::error::eof) {
            break;
        }
        check(error);
        asio::async_write(peer, asio::buffer(buffer, come), self);
    }
}

void request_and_wait(tcp_stream& server, pattern sent, std::uint64_t messages, finish_line& finish,
                      const network_yield& self) {
    std::vector<char> answer(sent.message().size());
    for (std::uint64_t done = 0; done < messages; ++done) {
        asio::async_write(server, asio::buffer(sent.message()), self);
        asio::async_read(server, asio::buffer(answer), self);
        sent.check(answer);
    }
    finish.arrive();
    server.shutdown(tcp_stream::shutdown_send);
}

// Takes one from the window for each message.
void write_all(tcp_stream& server, const pattern& sent, std::uint64_t messages, window& allowed,
               const network_yield& self) {
    for (std::uint64_t done = 0; done < messages; ++done) {
        if (!allowed.try_receive([](error_code) {})) {
            allowed.async_receive(self);
        }
        asio::async_write(server, asio::buffer(sent.message()), self);
    }
}

void read_all(tcp_stream& server, pattern& sent, std::uint64_t messages, window& allowed, finish_line& finish,
              const network_yield& self) {
    std::vector<char> buffer(buffer_size(sent.message().size()));
    for (std::uint64_t done = 0; done < messages;) {
        const std::size_t come = server.async_read_some(asio::buffer(buffer), self);
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

figures spawn_peer::echo(const request& asked) const {
    const std::uint64_t count = asked["connections"];
    const std::uint64_t in_flight = asked["in_flight"];
    const std::uint64_t each = equal_share(asked.items(), count);
    const stack_source stacks(threads_);
    event_loops loops(threads_);
    finish_line finish(count);
    std::vector<connection> made = connections(loops, count);
    std::deque<pipeline> pipelines;
    for (std::size_t index = 0; index < count; ++index) {
        const loop_executor loop = loops[index].get_executor();
        tcp_stream* const client = &made[index].client;
        tcp_stream* const server = &made[index].server;
        asio::spawn(
            loop, std::allocator_arg, stack_source(stacks),
            [server, size = buffer_size(asked["size"])](const network_yield& self) { serve_echo(*server, size, self); },
            pass_on);
        if (in_flight == 1) {
            asio::spawn(
                loop, std::allocator_arg, stack_source(stacks),
                [&finish, client, each, sent = pattern(index, asked["size"])](const network_yield& self) {
                    request_and_wait(*client, sent, each, finish, self);
                },
                pass_on);
            continue;
        }
        pipeline* const shared = &pipelines.emplace_back(pattern(index, asked["size"]), loop, in_flight);
        asio::spawn(
            loop, std::allocator_arg, stack_source(stacks),
            [client, shared, each](const network_yield& self) {
                write_all(*client, shared->sent, each, shared->allowed, self);
            },
            pass_on);
        asio::spawn(
            loop, std::allocator_arg, stack_source(stacks),
            [&finish, client, shared, each](const network_yield& self) {
                read_all(*client, shared->sent, each, shared->allowed, finish, self);
            },
            pass_on);
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

} // namespace moor::bench::peers
