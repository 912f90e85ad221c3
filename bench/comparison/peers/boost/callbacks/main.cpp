// Boost.Asio with callbacks, as a peer: see callbacks_peer.hpp.
#include "peers/boost/callbacks/callbacks_peer.hpp"
#include "peers/boost/version.hpp"

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    const callbacks_peer asio(threads_allowed(argc, argv));
    peer offered;
    offered.name = "Boost.Asio, callbacks";
    offered.version = boost_version;
    offered.settings = "an io_context with concurrency hint 1 for each thread; concrete executors";
    offered.lacks = "it has no coroutines";
    offered.jobs = {
        {"echo", [&](const request& asked) { return asio.echo(asked); }},
        {"accept", [&](const request& asked) { return asio.accept(asked); }},
        {"connect", [&](const request& asked) { return asio.connect(asked); }},
        {"udp_echo", [&](const request& asked) { return asio.udp_echo(asked); }},
        {"timers", [&](const request& asked) { return asio.timers(asked); }},
    };
    return serve(offered);
}
