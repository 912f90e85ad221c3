// Sends back what it gets: one coroutine per connection, written as if each had a thread of its own. A peer that stays
// silent for too long is disconnected. Ends at Ctrl-C.
//   echo [port]      then, for example:  nc 127.0.0.1 7777
#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#include <moor/moor.hpp>

static std::stop_source ctrl_c;
static std::chrono::seconds idle_time{60};

static void echo(moor::tcp_stream peer) {
    try {
        std::array<std::byte, 4096> buffer;
        while (const std::size_t count = peer.read_some(buffer, idle_time)) { // 0: the peer has closed
            peer.write(std::span(buffer).first(count), idle_time);
        }
    } catch (const std::system_error& error) { // timed out, or a reset: this ends one connection, not the server
        if (!ctrl_c.stop_requested()) {
            std::fprintf(stderr, "echo: %s\n", error.what());
        }
    }
}

static void serve(moor::tcp_listener& listener) {
    moor::task_group connections;
    while (!ctrl_c.stop_requested()) {
        try {
            connections.spawn(echo, listener.accept(ctrl_c.get_token()));
            continue;
        } catch (const std::exception& error) {
            if (!ctrl_c.stop_requested()) {
                std::fprintf(stderr, "echo: %s\n", error.what());
            }
        }
        // Out of sockets or memory: wait until some connections have ended.
        std::error_code stopped;
        moor::this_coroutine::sleep_for(std::chrono::milliseconds(100), ctrl_c.get_token(), stopped);
    }
    connections.stop(); // their calls report operation_canceled
    connections.wait();
}

int main(int argc, char** argv) {
    std::signal(SIGINT, [](int) { ctrl_c.request_stop(); }); // Windows calls it on a thread of its own
    try {
        const auto local = moor::endpoint::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "7777"));
        moor::runtime runtime;
        runtime.run([&local] {
            auto listener = moor::tcp_listener::bind(local);
            std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
            std::fflush(stdout);
            serve(listener);
        });
        std::puts("stopped");
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo: %s\nusage: echo [port]\n", error.what());
        return 1;
    }
}
