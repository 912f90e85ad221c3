// libuv as a peer: callbacks. A loop of libuv is one thread's ("event loops are not thread-safe"), and programs that
// want more of them have a loop for each; so has the echo, whose connections are independent of each other. What has
// one listener or one server socket has one loop.
//
// Its settings are its defaults, but for no-delay, which the job demands: 32 AcceptEx calls outstanding
// (uv_tcp_simultaneous_accepts).
#include <fmt/format.h>
#include <uv.h>

#include "peers/libuv/libuv_jobs.hpp"

int main(int argc, char** argv) {
    using namespace moor::bench::peers;
    const unsigned threads = threads_allowed(argc, argv);
    peer offered;
    offered.name = "libuv";
    offered.version = uv_version_string();
    offered.settings = threads == 1 ? "one loop, uv_try_write first"
                                    : fmt::format("echo: a loop for each of {} threads; else: one loop and thread; "
                                                  "uv_try_write first",
                                                  threads);
    offered.lacks = "it has callbacks, no coroutines";
    offered.jobs = {
        {"timers", libuv_timers},     {"echo", [threads](const request& asked) { return libuv_echo(asked, threads); }},
        {"accept", libuv_accept},     {"connect", libuv_connect},
        {"udp_echo", libuv_udp_echo},
    };
    return serve(offered);
}
