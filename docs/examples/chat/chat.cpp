// A chat server: the first line that a client sends is its name, every further line goes to all clients. Each
// connection has a coroutine that reads and one that writes, with a channel between them. Ends at Ctrl-C. See
// docs/tutorial.md.
//   chat [port]      then, in several windows:  nc 127.0.0.1 7778
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <moor/moor.hpp>

using outbox = moor::channel<std::shared_ptr<const std::string>>;

static std::stop_source ctrl_c;
static std::chrono::seconds idle_time{600};      // for a client that sends nothing
constexpr std::chrono::seconds farewell_time{2}; // for the last lines to a client, and for any one line
constexpr std::size_t queued_lines = 64;         // for one client; more, and it is disconnected
constexpr std::size_t longest_line = 4096;       // in bytes

class room {
public:
    void enter(const outbox& client) {
        const std::lock_guard lock(guard_);
        clients_.push_back(client);
    }
    void leave(const outbox& client) {
        const std::lock_guard lock(guard_);
        std::erase(clients_, client);
    }

    void say(const std::string& text) {
        const auto line = std::make_shared<const std::string>(text + '\n');
        const std::lock_guard lock(guard_);
        for (const outbox& client : clients_) {
            if (!client.try_send(line)) { // its queue is full: it reads too slowly
                client.close();
            }
        }
    }

private:
    moor::mutex guard_;
    std::vector<outbox> clients_;
};

static void write_lines(moor::tcp_stream& peer, const outbox& lines) {
    try {
        for (const auto& line : lines) { // until the channel is closed and empty
            peer.write(std::as_bytes(std::span(*line)), farewell_time);
        }
    } catch (const std::system_error&) { // the client has gone, or does not read
    }
    peer.close(); // the reader's call reports operation_canceled
}

// The next line without its end, or nothing at the end of the stream. `unread` keeps what has arrived after it.
static std::optional<std::string> read_line(moor::tcp_stream& peer, std::string& unread) {
    std::size_t end;
    while ((end = unread.find('\n')) == std::string::npos) {
        if (unread.size() > longest_line) {
            throw std::runtime_error("a line is too long");
        }
        std::array<char, 1024> buffer;
        const std::size_t count = peer.read_some(std::as_writable_bytes(std::span(buffer)), idle_time);
        if (count == 0) {
            return std::nullopt;
        }
        unread.append(buffer.data(), count);
    }
    std::string line = unread.substr(0, end);
    unread.erase(0, end + 1);
    return line;
}

static void read_lines(room& everyone, moor::tcp_stream& peer, const outbox& own) {
    std::string unread;
    const std::optional<std::string> name = read_line(peer, unread);
    if (!name) {
        return;
    }
    everyone.enter(own);
    try {
        everyone.say("* " + *name + " has joined");
        while (const std::optional<std::string> line = read_line(peer, unread)) {
            everyone.say(*name + ": " + *line);
        }
    } catch (const std::exception& error) {
        if (!ctrl_c.stop_requested()) { // timed out, reset, or disconnected as too slow
            std::fprintf(stderr, "chat: %s: %s\n", name->c_str(), error.what());
        }
    }
    everyone.leave(own);
    if (!ctrl_c.stop_requested()) {
        everyone.say("* " + *name + " has left");
    }
}

static void serve_client(room& everyone, moor::tcp_stream peer) {
    try {
        const outbox own(queued_lines);
        moor::task_group writer;
        writer.spawn(write_lines, std::ref(peer), own);
        read_lines(everyone, peer, own);
        own.close();                                    // the writer sends what is queued and closes the connection
        const moor::this_coroutine::stop_shield shield; // at Ctrl-C this coroutine is asked to stop, but has to wait
        std::error_code too_slow;
        if (!writer.wait(farewell_time, too_slow)) {
            peer.reset();
            writer.wait();
        }
    } catch (const std::exception& error) { // ends this connection, not the server
        std::fprintf(stderr, "chat: %s\n", error.what());
    }
}

static void serve(moor::tcp_listener& listener) {
    room everyone;
    moor::task_group clients;
    while (!ctrl_c.stop_requested()) {
        try {
            clients.spawn(serve_client, std::ref(everyone), listener.accept(ctrl_c.get_token()));
        } catch (const std::exception& error) {
            if (!ctrl_c.stop_requested()) { // out of sockets or memory: wait until some clients have left
                std::fprintf(stderr, "chat: %s\n", error.what());
                std::error_code stopped;
                moor::this_coroutine::sleep_for(std::chrono::milliseconds(100), ctrl_c.get_token(), stopped);
            }
        }
    }
    listener.close();
    everyone.say("* the server shuts down");
    clients.stop(); // their reads end; each client still has farewell_time to read what is queued for it
    clients.wait();
}

int main(int argc, char** argv) try {
    std::signal(SIGINT, [](int) { ctrl_c.request_stop(); }); // Windows calls it on a thread of its own
    const auto local = moor::endpoint::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "7778"));
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
    std::fprintf(stderr, "chat: %s\nusage: chat [port]\n", error.what());
    return 1;
}
