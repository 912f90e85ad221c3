// Asio's stackful coroutines: the echo over UDP.
#include <span>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "peers/boost/asio/datagram_watch.hpp"
#include "peers/boost/stack_source.hpp"
#include "peers/boost/stackful/spawn_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

void send_back(datagram_socket& socket, std::size_t size, std::uint64_t datagrams, const network_yield& self) {
    std::vector<char> buffer(size);
    udp::endpoint sender;
    for (std::uint64_t done = 0; done < datagrams; ++done) {
        const std::size_t come = socket.async_receive_from(asio::buffer(buffer), sender, self);
        socket.async_send_to(asio::buffer(buffer, come), sender, self);
    }
}

struct datagram_client {
    std::uint64_t number;
    std::uint64_t datagrams;
    udp::endpoint server;
};

void send_and_wait(datagram_socket socket, datagram_client client, pattern sent, datagram_watch& watch,
                   finish_line& finish, const network_yield& self) {
    std::vector<char> buffer(sent.message().size());
    udp::endpoint sender;
    for (std::uint64_t done = 0; done < client.datagrams; ++done) {
        socket.async_send_to(asio::buffer(sent.message()), client.server, self);
        const std::size_t come = socket.async_receive_from(asio::buffer(buffer), sender, self);
        if (sent.check(std::span(buffer).first(come)) != 1) {
            throw failed("the echo is not what was sent");
        }
        watch.count(client.number);
    }
    watch.done(client.number);
    if (finish.arrive()) {
        watch.end();
    }
}

} // namespace

figures spawn_peer::udp_echo(const request& asked) const {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), count);
    const stack_source stacks(threads_);
    event_loops loops(threads_);
    finish_line finish(count);
    datagram_watch watch(loops[0], count);
    datagram_socket server(loops[0], loopback<udp>());
    asio::spawn(
        loops[0].get_executor(), std::allocator_arg, stack_source(stacks),
        [&](const network_yield& self) { send_back(server, asked["size"], each * count, self); }, pass_on);
    for (std::uint64_t index = 0; index < count; ++index) {
        asio::spawn(
            loops[index].get_executor(), std::allocator_arg, stack_source(stacks),
            [&, index](const network_yield& self) {
                send_and_wait(datagram_socket(loops[index], loopback<udp>()),
                              datagram_client{index, each, server.local_endpoint()}, pattern(index, asked["size"]),
                              watch, finish, self);
            },
            pass_on);
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

} // namespace moor::bench::peers
