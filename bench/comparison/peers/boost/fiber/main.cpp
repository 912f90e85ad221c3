// Boost.Fiber, as a peer: see fiber_peer.hpp.
#include "peers/boost/fiber/fiber_peer.hpp"
#include "peers/boost/version.hpp"

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    fiber_peer fibers(threads_allowed(argc, argv));
    const auto job = [&fibers](figures (fiber_peer::*which)(const request&)) {
        return [&fibers, which](const request& asked) { return fibers.run(which, asked); };
    };
    peer offered;
    offered.name = "Boost.Fiber";
    offered.version = boost_version;
    offered.settings =
        "fcontext; one thread: round_robin and pooled stacks; several: shared_work and stacks from malloc; "
        "stacks of 128 KiB";
    offered.lacks = "it has no input and output, no timers apart from sleeping, and no preemption";
    offered.jobs = {
        {"yield", job(&fiber_peer::yield)},     {"ring", job(&fiber_peer::ring)},
        {"spawn", job(&fiber_peer::spawn)},     {"fan_out", job(&fiber_peer::fan_out)},
        {"channel", job(&fiber_peer::channel)}, {"mutex", job(&fiber_peer::mutex)},
        {"park", job(&fiber_peer::park)},       {"descend", job(&fiber_peer::descend)},
    };
    return serve(offered);
}
