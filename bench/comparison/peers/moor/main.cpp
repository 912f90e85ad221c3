// The program of moor as a peer.
#include <fmt/format.h>

#include "peers/moor/moor_peer.hpp"

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    const unsigned threads = threads_allowed(argc, argv);
    moor_peer moor(threads);
    const auto job = [&moor](figures (moor_peer::*does)(const request&)) {
        return [&moor, does](const request& asked) { return (moor.*does)(asked); };
    };
    peer offered;
    offered.name = on_movable_stacks ? "moor, movable stacks" : "moor";
    offered.version = "this tree";
    offered.settings = fmt::format("default options, {} {}, {} stacks", threads, threads == 1 ? "worker" : "workers",
                                   on_movable_stacks ? "movable" : "reserved");
    offered.jobs = {
        {"yield", job(&moor_peer::yield)},
        {"ring", job(&moor_peer::ring)},
        {"spawn", job(&moor_peer::spawn)},
        {"fan_out", job(&moor_peer::fan_out)},
        {"channel", job(&moor_peer::channel)},
        {"mutex", job(&moor_peer::mutex)},
        {"park", job(&moor_peer::park)},
        {"descend", job(&moor_peer::descend)},
        {"grow", job(&moor_peer::grow)},
        {"echo", job(&moor_peer::echo)},
        {"accept", job(&moor_peer::accept)},
        {"connect", job(&moor_peer::connect)},
        {"udp_echo", job(&moor_peer::udp_echo)},
        {"timers", job(&moor_peer::timers)},
        {"timer_delay", job(&moor_peer::timer_delay)},
    };
    return serve(offered);
}
