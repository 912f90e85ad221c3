// Asio's callbacks: the echo over TCP.
#include <deque>
#include <span>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "peers/boost/asio/event_loops.hpp"
#include "peers/boost/callbacks/callbacks_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

class echo_server {
public:
    echo_server(tcp_stream socket, std::size_t size) : socket_(std::move(socket)), buffer_(size) {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_), [this](const error_code& error, std::size_t size) {
            if (error != asio::error::eof) {
                check(error);
                write(size);
            }
        });
    }

private:
    void write(std::size_t size) {
        asio::async_write(socket_, asio::buffer(buffer_, size), [this](const error_code& error, std::size_t) {
            check(error);
            read();
        });
    }

    tcp_stream socket_;
    std::vector<char> buffer_;
};

class echo_client {
public:
    echo_client(tcp_stream socket, pattern sent, std::uint64_t messages, std::uint64_t in_flight, finish_line& finish)
        : socket_(std::move(socket)), sent_(std::move(sent)), to_come_(messages), to_write_(messages),
          window_(in_flight), pipelined_(in_flight > 1),
          buffer_(pipelined_ ? buffer_size(sent_.message().size()) : sent_.message().size()), finish_(&finish) {}

    void start() {
        if (pipelined_) {
            read_some();
            write_on();
        } else {
            request();
        }
    }

private:
    // One message at a time.
    void request() {
        asio::async_write(socket_, asio::buffer(sent_.message()), [this](const error_code& error, std::size_t) {
            check(error);
            wait_for_echo();
        });
    }
    void wait_for_echo() {
        asio::async_read(socket_, asio::buffer(buffer_), [this](const error_code& error, std::size_t) {
            check(error);
            sent_.check(buffer_);
            if (--to_come_ == 0) {
                finish();
            } else {
                request();
            }
        });
    }

    // Several: reading and writing go on beside each other.
    void read_some() {
        socket_.async_read_some(asio::buffer(buffer_), [this](const error_code& error, std::size_t size) {
            check(error);
            const std::uint64_t whole = sent_.check(std::span(buffer_).first(size));
            to_come_ -= whole;
            window_ += whole;
            if (to_come_ == 0) {
                finish();
                return;
            }
            write_on();
            read_some();
        });
    }
    void write_on() {
        if (writing_ || window_ == 0 || to_write_ == 0) {
            return;
        }
        writing_ = true;
        --window_;
        --to_write_;
        asio::async_write(socket_, asio::buffer(sent_.message()), [this](const error_code& error, std::size_t) {
            check(error);
            writing_ = false;
            write_on();
        });
    }

    // The server sees the end and ends too. A last write is over when its echo has come, but its handler may be to
    // come.
    void finish() {
        finish_->arrive();
        socket_.shutdown(tcp_stream::shutdown_send);
    }

    tcp_stream socket_;
    pattern sent_;
    std::uint64_t to_come_;
    std::uint64_t to_write_;
    std::uint64_t window_;
    bool pipelined_;
    bool writing_ = false;
    std::vector<char> buffer_;
    finish_line* finish_;
};

} // namespace

figures callbacks_peer::echo(const request& asked) const {
    const std::uint64_t count = asked["connections"];
    const std::uint64_t each = equal_share(asked.items(), count);
    event_loops loops(threads_);
    finish_line finish(count);
    std::deque<echo_server> servers;
    std::deque<echo_client> clients;
    for (connection& made : connections(loops, count)) {
        servers.emplace_back(std::move(made.server), buffer_size(asked["size"]));
        clients.emplace_back(std::move(made.client), pattern(clients.size(), asked["size"]), each, asked["in_flight"],
                             finish);
    }
    for (std::size_t index = 0; index < count; ++index) {
        asio::post(loops[index], [server = &servers[index], client = &clients[index]] {
            server->read();
            client->start();
        });
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

} // namespace moor::bench::peers
