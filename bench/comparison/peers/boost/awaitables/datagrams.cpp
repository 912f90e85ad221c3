// Asio's awaitables: the echo over UDP.
#include <span>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>

#include "peers/boost/asio/datagram_watch.hpp"
#include "peers/boost/awaitables/awaitables_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

network_task send_back(datagram_socket& socket, std::size_t size, std::uint64_t datagrams) {
    std::vector<char> buffer(size);
    udp::endpoint sender;
    for (std::uint64_t done = 0; done < datagrams; ++done) {
        const std::size_t come = co_await socket.async_receive_from(asio::buffer(buffer), sender, asio::deferred);
        co_await socket.async_send_to(asio::buffer(buffer, come), sender, asio::deferred);
    }
}

struct datagram_client {
    std::uint64_t number;
    std::uint64_t datagrams;
    udp::endpoint server;
};

network_task send_and_wait(datagram_socket socket, datagram_client client, pattern sent, datagram_watch& watch,
                           finish_line& finish) {
    std::vector<char> buffer(sent.message().size());
    udp::endpoint sender;
    for (std::uint64_t done = 0; done < client.datagrams; ++done) {
        co_await socket.async_send_to(asio::buffer(sent.message()), client.server, asio::deferred);
        const std::size_t come = co_await socket.async_receive_from(asio::buffer(buffer), sender, asio::deferred);
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

figures awaitables_peer::udp_echo(const request& asked) const {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), count);
    event_loops loops(threads_);
    finish_line finish(count);
    datagram_watch watch(loops[0], count);
    datagram_socket server(loops[0], loopback<udp>());
    co_spawn(loops[0].get_executor(), send_back(server, asked["size"], each * count), pass_on);
    for (std::uint64_t index = 0; index < count; ++index) {
        co_spawn(loops[index].get_executor(),
                 send_and_wait(datagram_socket(loops[index], loopback<udp>()),
                               datagram_client{index, each, server.local_endpoint()}, pattern(index, asked["size"]),
                               watch, finish),
                 pass_on);
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

} // namespace moor::bench::peers
