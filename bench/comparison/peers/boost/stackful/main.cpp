// Boost.Asio with stackful coroutines, as a peer: see spawn_peer.hpp.
#include "peers/boost/stackful/spawn_peer.hpp"
#include "peers/boost/version.hpp"

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    const spawn_peer asio(threads_allowed(argc, argv));
    peer offered;
    offered.name = "Boost.Asio, spawn";
    offered.version = boost_version;
    offered.settings =
        "fcontext; pooled stacks of 128 KiB, from malloc on several threads; concrete executors; network: an "
        "io_context with concurrency hint 1 for each thread; else a thread_pool, without locks when it has "
        "one thread";
    offered.lacks = "Asio has no preemption; timers are those of the callbacks";
    offered.jobs = {
        {"yield", [&](const request& asked) { return asio.yield(asked); }},
        {"ring", [&](const request& asked) { return asio.ring(asked); }},
        {"spawn", [&](const request& asked) { return asio.spawn(asked); }},
        {"fan_out", [&](const request& asked) { return asio.fan_out(asked); }},
        {"channel", [&](const request& asked) { return asio.channel(asked); }},
        {"mutex", [&](const request& asked) { return asio.mutex(asked); }},
        {"park", [&](const request& asked) { return asio.park(asked); }},
        {"descend", [&](const request& asked) { return asio.descend(asked); }},
        {"echo", [&](const request& asked) { return asio.echo(asked); }},
        {"accept", [&](const request& asked) { return asio.accept(asked); }},
        {"connect", [&](const request& asked) { return asio.connect(asked); }},
        {"udp_echo", [&](const request& asked) { return asio.udp_echo(asked); }},
    };
    return serve(offered);
}
