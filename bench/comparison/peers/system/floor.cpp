// The floor as a peer: what the system itself costs. Nobody would program like this, with a state machine for each end
// of a connection, but nothing can be faster by more than what it leaves out: it skips packets of what completes at
// once, takes up to 64 packets out of the port with one call, allocates nothing for a call, keeps several AcceptEx
// calls and datagram receives outstanding, and sends and receives a connection's first byte with ConnectEx and
// AcceptEx.
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "net/floor.hpp"
#include "peers/support/share.hpp"
#include "peers/support/together.hpp"
#include "peers/system/floor_jobs.hpp"

namespace moor::bench::peers {

figures floor_echo(const request& asked, unsigned threads) {
    const std::uint64_t connections = asked["connections"];
    const std::uint64_t messages = equal_share(asked.items(), connections);
    std::vector<std::unique_ptr<echo_floor>> loops;
    for (unsigned index = 0; index < threads; ++index) {
        loops.push_back(
            std::make_unique<echo_floor>(share_of(connections, threads, index), asked["size"], asked["in_flight"]));
    }
    const auto time = run_together(threads, [&](unsigned index) { loops[index]->run(messages); });
    return timed(time, connections * messages);
}

} // namespace moor::bench::peers

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    const unsigned threads = threads_allowed(argc, argv);
    peer offered;
    offered.name = "completion port by hand";
    offered.version = "of the system";
    offered.settings = threads == 1 ? "one completion port"
                                    : fmt::format("echo: one port for each of {} threads; else: one port", threads);
    offered.lacks = "it has neither coroutines nor timers";
    offered.jobs = {
        {"echo", [threads](const request& asked) { return floor_echo(asked, threads); }},
        {"accept", [threads](const request& asked) { return floor_accept(asked, threads); }},
        {"connect", [](const request& asked) { return floor_connect(asked); }},
        {"udp_echo", [threads](const request& asked) { return floor_udp_echo(asked, threads); }},
    };
    return serve(offered);
}
