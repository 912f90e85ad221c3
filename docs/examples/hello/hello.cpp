// The program of README.md: a listener and a client in one process, both written as plain blocking code.
#include <array>
#include <cstdio>
#include <moor/moor.hpp>

static void say_hello(const moor::endpoint& where) {
    auto server = moor::tcp_stream::connect(where, std::chrono::seconds(5));
    server.write(std::as_bytes(std::span(std::string_view("hello from a coroutine\n"))));
}

static void print_all(moor::tcp_stream peer) {
    std::array<std::byte, 4096> buffer;
    while (const auto count = peer.read_some(buffer)) { // 0: the peer has closed
        std::fwrite(buffer.data(), 1, count, stdout);
    }
}

int main() try {
    moor::runtime runtime; // one worker thread per processor
    runtime.run([] {
        auto listener = moor::tcp_listener::bind({"127.0.0.1", 0}); // port 0: the system chooses one
        moor::task_group both; // when one of them fails, the other one's calls end too
        both.spawn([&] { say_hello(listener.local_endpoint()); });
        both.spawn([&] { print_all(listener.accept()); });
        both.wait(); // throws what they threw
    });
} catch (const std::exception& error) {
    std::fprintf(stderr, "hello: %s\n", error.what());
    return 1;
}
