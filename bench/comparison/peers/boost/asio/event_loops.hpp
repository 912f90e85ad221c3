// The threads of Asio's network jobs, and what their three styles share.
//
// On several threads there is an io_context for each thread, as in the "HTTP server 2" example of Asio's documentation,
// and connections are dealt out among them. The concurrency hint is 1, which on Windows goes to the completion port;
// the hints that take away locks have no effect there. Sockets and timers have the io_context's executor as their type
// instead of the polymorphic one that is the default.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

using loop_executor = asio::io_context::executor_type;
using tcp_stream = asio::basic_stream_socket<tcp, loop_executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, loop_executor>;
using datagram_socket = asio::basic_datagram_socket<udp, loop_executor>;
using loop_timer = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, loop_executor>;

/// For one job.
class event_loops {
public:
    explicit event_loops(unsigned threads);

    [[nodiscard]] std::size_t size() const noexcept { return contexts_.size(); }
    /// Number `index`, counted round and round.
    [[nodiscard]] asio::io_context& operator[](std::size_t index) noexcept { return *contexts_[index % size()]; }

    /// Runs all of them, each on a thread of its own and the first on the caller's, until none has anything to do.
    /// Throws what a handler has thrown first. Returns when all threads had come and began.
    clock::time_point run();

private:
    std::vector<std::unique_ptr<asio::io_context>> contexts_;
};

/// A completion handler for coroutines: what one has thrown ends the loops.
void pass_on(const std::exception_ptr& thrown);

/// Throws failed, with what the error says, for any error.
void check(const error_code& error);

/// Where the servers of all jobs listen: any port of the IPv4 loopback interface.
template <class Protocol>
[[nodiscard]] typename Protocol::endpoint loopback() {
    return {asio::ip::address_v4::loopback(), 0};
}

/// A TCP connection with both ends on one loop, and no-delay set at both.
struct connection {
    tcp_stream client;
    tcp_stream server;
};
[[nodiscard]] std::vector<connection> connections(event_loops& loops, std::uint64_t count);

/// How much a server of an echo reads at once at most.
[[nodiscard]] std::size_t buffer_size(std::size_t message_size) noexcept;

/// The time at which the last of so many ended. They may end on several threads.
class finish_line {
public:
    explicit finish_line(std::uint64_t runners) : running_(runners) {}

    /// Returns whether that was the last one.
    bool arrive() noexcept {
        const clock::time_point now = clock::now();
        if (running_.fetch_sub(1, std::memory_order_acq_rel) != 1) {
            return false;
        }
        end_ = now;
        return true;
    }
    /// After the loops have run.
    [[nodiscard]] clock::time_point end() const noexcept { return end_; }

private:
    std::atomic<std::uint64_t> running_;
    clock::time_point end_;
};

} // namespace moor::bench::peers
