// Two ends of one TCP connection over the loopback interface.
#pragma once

#include <moor/spawn.hpp>
#include <moor/tcp.hpp>

namespace moor::test {

struct tcp_pair {
    tcp_stream client;
    tcp_stream server;
};

/// Through `listener`; from a coroutine.
inline tcp_pair connect_through(tcp_listener& listener) {
    auto client = spawn([remote = listener.local_endpoint()] { return tcp_stream::connect(remote); });
    tcp_stream server = listener.accept();
    return {client.join(), std::move(server)};
}

inline tcp_pair make_tcp_pair(address_family family = address_family::ipv4) {
    tcp_listener listener = tcp_listener::bind(endpoint::loopback(family, 0), {.outstanding_accepts = 1});
    return connect_through(listener);
}

} // namespace moor::test
