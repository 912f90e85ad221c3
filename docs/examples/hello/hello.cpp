// The program of README.md: a listener and a client in one process, both written as plain blocking code.
#include <array>
#include <cstdio>
#include <moor/moor.hpp>

int main() {
    moor::runtime runtime; // one worker thread per processor
    runtime.run([] {
        auto listener = moor::tcp_listener::bind({"127.0.0.1", 0}); // port 0: the system chooses one
        auto client = moor::spawn([where = listener.local_endpoint()] {
            auto server = moor::tcp_stream::connect(where, std::chrono::seconds(5));
            server.write(std::as_bytes(std::span(std::string_view("hello from a coroutine\n"))));
        });
        auto peer = listener.accept();
        std::array<std::byte, 4096> buffer;
        while (const auto count = peer.read_some(buffer)) { // 0: the peer has closed
            std::fwrite(buffer.data(), 1, count, stdout);
        }
        client.join(); // throws what the client threw
    });
}
