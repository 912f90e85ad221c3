// Asio's callbacks: connections that come and go.
#include <array>
#include <deque>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "peers/boost/asio/event_loops.hpp"
#include "peers/boost/callbacks/callbacks_peer.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {
namespace {

using one_byte = std::array<char, 1>;

// Accepts so many connections and closes each.
class closing_server {
public:
    closing_server(tcp_acceptor& acceptor, std::uint64_t connections) : acceptor_(&acceptor), left_(connections) {}

    void accept() {
        acceptor_->async_accept([this](const error_code& error, tcp_stream socket) {
            check(error);
            socket.close();
            if (--left_ != 0) {
                accept();
            }
        });
    }

private:
    tcp_acceptor* acceptor_;
    std::uint64_t left_;
};

// The same, but sends a byte back before.
class byte_server {
public:
    byte_server(tcp_acceptor& acceptor, std::uint64_t connections)
        : acceptor_(&acceptor), socket_(acceptor.get_executor()), left_(connections) {}

    void accept() {
        acceptor_->async_accept(socket_, [this](const error_code& error) {
            check(error);
            read();
        });
    }

private:
    void read() {
        asio::async_read(socket_, asio::buffer(byte_), [this](const error_code& error, std::size_t) {
            check(error);
            write();
        });
    }
    void write() {
        asio::async_write(socket_, asio::buffer(byte_), [this](const error_code& error, std::size_t) {
            check(error);
            socket_.close();
            if (--left_ != 0) {
                accept();
            }
        });
    }

    tcp_acceptor* acceptor_;
    tcp_stream socket_;
    one_byte byte_{};
    std::uint64_t left_;
};

// Connects so often. With `talks`, a byte goes each way before it waits for the end.
class connecting_client {
public:
    connecting_client(asio::io_context& loop, tcp::endpoint where, std::uint64_t connections, bool talks,
                      finish_line& finish)
        : socket_(loop), where_(where), left_(connections), talks_(talks), finish_(&finish) {}

    void connect() {
        socket_.async_connect(where_, [this](const error_code& error) {
            check(error);
            if (talks_) {
                write();
            } else {
                wait_for_end();
            }
        });
    }

private:
    void write() {
        sent_[0] = static_cast<char>(left_);
        asio::async_write(socket_, asio::buffer(sent_), [this](const error_code& error, std::size_t) {
            check(error);
            read();
        });
    }
    void read() {
        asio::async_read(socket_, asio::buffer(answer_), [this](const error_code& error, std::size_t) {
            check(error);
            if (answer_ != sent_) {
                throw failed("the echo is not what was sent");
            }
            wait_for_end();
        });
    }
    void wait_for_end() {
        socket_.async_read_some(asio::buffer(answer_), [this](const error_code& error, std::size_t) {
            if (error != asio::error::eof) {
                throw failed("something came, instead of the end");
            }
            socket_.close();
            if (--left_ == 0) {
                finish_->arrive();
            } else {
                connect();
            }
        });
    }

    tcp_stream socket_;
    tcp::endpoint where_;
    std::uint64_t left_;
    bool talks_;
    finish_line* finish_;
    one_byte sent_{};
    one_byte answer_{};
};

} // namespace

figures callbacks_peer::accept(const request& asked) const {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), count);
    event_loops loops(threads_);
    finish_line finish(count);
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    closing_server server(acceptor, each * count);
    server.accept();
    std::deque<connecting_client> clients;
    for (std::size_t index = 0; index < count; ++index) {
        clients.emplace_back(loops[index], acceptor.local_endpoint(), each, false, finish);
        asio::post(loops[index], [client = &clients.back()] { client->connect(); });
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

figures callbacks_peer::connect(const request& asked) const {
    event_loops loops(threads_);
    finish_line finish(1);
    tcp_acceptor acceptor(loops[0], loopback<tcp>());
    byte_server server(acceptor, asked.items());
    server.accept();
    connecting_client client(loops[1], acceptor.local_endpoint(), asked.items(), true, finish);
    asio::post(loops[1], [&client] { client.connect(); });
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, asked.items());
}

} // namespace moor::bench::peers
