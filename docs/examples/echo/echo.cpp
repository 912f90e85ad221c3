// Sends back what it gets: one coroutine per connection, written as if each had a thread of its own.
//   echo [port]      then, for example:  nc 127.0.0.1 7777
#include <array>
#include <cstdio>
#include <string>

#include <moor/moor.hpp>

static void echo(moor::tcp_stream peer) {
    try {
        std::array<std::byte, 4096> buffer;
        while (const std::size_t count = peer.read_some(buffer)) {
            peer.write(std::span(buffer).first(count));
        }
    } catch (const std::system_error& error) { // this peer's own trouble, a reset for example; the others go on
        std::fprintf(stderr, "echo: %s\n", error.what());
    }
}

int main(int argc, char** argv) {
    try {
        const auto local = moor::endpoint::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "7777"));
        moor::runtime runtime;
        runtime.run([&local] {
            auto listener = moor::tcp_listener::bind(local);
            std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
            std::fflush(stdout);
            while (true) {
                moor::spawn(echo, listener.accept());
            }
        });
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo: %s\nusage: echo [port]\n", error.what());
        return 1;
    }
}
