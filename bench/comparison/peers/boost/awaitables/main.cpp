// Boost.Asio with awaitables, as a peer: see awaitables_peer.hpp.
#include "peers/boost/awaitables/awaitables_peer.hpp"
#include "peers/boost/version.hpp"

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    const awaitables_peer asio(threads_allowed(argc, argv));
    peer offered;
    offered.name = "Boost.Asio, awaitables";
    offered.version = boost_version;
    offered.settings =
        "co_await with deferred; concrete executors; network: an io_context with concurrency hint 1 for each "
        "thread; else a thread_pool, without locks when it has one thread";
    offered.lacks = "a C++20 coroutine has no stack, and Asio has no preemption; timers are those of the callbacks";
    offered.jobs = {
        {"yield", [&](const request& asked) { return asio.yield(asked); }},
        {"ring", [&](const request& asked) { return asio.ring(asked); }},
        {"spawn", [&](const request& asked) { return asio.spawn(asked); }},
        {"fan_out", [&](const request& asked) { return asio.fan_out(asked); }},
        {"channel", [&](const request& asked) { return asio.channel(asked); }},
        {"mutex", [&](const request& asked) { return asio.mutex(asked); }},
        {"park", [&](const request& asked) { return asio.park(asked); }},
        {"echo", [&](const request& asked) { return asio.echo(asked); }},
        {"accept", [&](const request& asked) { return asio.accept(asked); }},
        {"connect", [&](const request& asked) { return asio.connect(asked); }},
        {"udp_echo", [&](const request& asked) { return asio.udp_echo(asked); }},
    };
    return serve(offered);
}
