// Asio's callbacks: the echo over UDP.
#include <deque>
#include <span>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include "peers/boost/asio/datagram_watch.hpp"
#include "peers/boost/callbacks/callbacks_peer.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

class datagram_server {
public:
    datagram_server(datagram_socket& socket, std::size_t size, std::uint64_t datagrams)
        : socket_(&socket), buffer_(size), left_(datagrams) {}

    void receive() {
        socket_->async_receive_from(asio::buffer(buffer_), sender_, [this](const error_code& error, std::size_t size) {
            check(error);
            send_back(size);
        });
    }

private:
    void send_back(std::size_t size) {
        socket_->async_send_to(asio::buffer(buffer_, size), sender_, [this](const error_code& error, std::size_t) {
            check(error);
            if (--left_ != 0) {
                receive();
            }
        });
    }

    datagram_socket* socket_;
    udp::endpoint sender_;
    std::vector<char> buffer_;
    std::uint64_t left_;
};

class datagram_client {
public:
    datagram_client(asio::io_context& loop, udp::endpoint server, std::uint64_t number, std::size_t size,
                    std::uint64_t datagrams, datagram_watch& watch, finish_line& finish)
        : socket_(loop, loopback<udp>()), server_(server), number_(number), sent_(number, size), buffer_(size),
          left_(datagrams), watch_(&watch), finish_(&finish) {}

    void send() {
        socket_.async_send_to(asio::buffer(sent_.message()), server_, [this](const error_code& error, std::size_t) {
            check(error);
            receive();
        });
    }

private:
    void receive() {
        socket_.async_receive_from(asio::buffer(buffer_), sender_, [this](const error_code& error, std::size_t size) {
            check(error);
            if (sent_.check(std::span(buffer_).first(size)) != 1) {
                throw failed("the echo is not what was sent");
            }
            watch_->count(number_);
            if (--left_ != 0) {
                send();
                return;
            }
            watch_->done(number_);
            if (finish_->arrive()) {
                watch_->end();
            }
        });
    }

    datagram_socket socket_;
    udp::endpoint server_;
    udp::endpoint sender_;
    std::uint64_t number_;
    pattern sent_;
    std::vector<char> buffer_;
    std::uint64_t left_;
    datagram_watch* watch_;
    finish_line* finish_;
};

} // namespace

figures callbacks_peer::udp_echo(const request& asked) const {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), count);
    event_loops loops(threads_);
    finish_line finish(count);
    datagram_watch watch(loops[0], count);
    datagram_socket socket(loops[0], loopback<udp>());
    datagram_server server(socket, asked["size"], each * count);
    server.receive();
    std::deque<datagram_client> clients;
    for (std::uint64_t index = 0; index < count; ++index) {
        clients.emplace_back(loops[index], socket.local_endpoint(), index, asked["size"], each, watch, finish);
        asio::post(loops[index], [client = &clients.back()] { client->send(); });
    }
    const clock::time_point start = loops.run();
    return timed(finish.end() - start, each * count);
}

} // namespace moor::bench::peers
