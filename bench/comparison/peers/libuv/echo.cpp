// libuv as a peer: the TCP echo. What is to be written goes to uv_try_write first, which needs no request and no second
// callback; the rest, and there hardly is any, to uv_write. uv_write for everything was as fast for request and
// response, and half as fast when pipelined.
//
// libuv reads without waiting after a callback for as long as buffers come back full. A client's buffer is one byte
// longer than a message, so that it does not ask in vain after each answer; that was faster.
#include <algorithm>
#include <deque>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "peers/libuv/libuv_jobs.hpp"
#include "peers/libuv/loop.hpp"
#include "peers/support/share.hpp"
#include "peers/support/together.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

constexpr std::size_t least_buffer = 4096;

/// One side of a connection.
class stream {
public:
    stream(event_loop& loop, std::size_t buffer_size) : loop_(loop), buffer_(buffer_size) {
        check(uv_tcp_init(loop_.get(), &handle_), "uv_tcp_init");
        handle_.data = this;
        check(uv_tcp_nodelay(&handle_, 1), "uv_tcp_nodelay");
    }
    virtual ~stream() = default;
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    [[nodiscard]] uv_tcp_t* handle() noexcept { return &handle_; }

    /// See jobs.hpp, echo. uv_tcp_close_reset would do the same, where each end of a stream is closed.
    void reset_at_close() {
        uv_os_fd_t socket{};
        check(uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle_), &socket), "uv_fileno");
        const linger at_once{1, 0};
        if (::setsockopt(reinterpret_cast<SOCKET>(socket), SOL_SOCKET, SO_LINGER,
                         reinterpret_cast<const char*>(&at_once), sizeof at_once) != 0) {
            throw failed("SO_LINGER was refused");
        }
    }

    /// For callbacks, too.
    void read() noexcept {
        const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
            auto& buffer = static_cast<stream*>(handle->data)->buffer_;
            *into = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
        };
        const auto come = [](uv_stream_t* handle, ssize_t size, const uv_buf_t* into) {
            auto& self = *static_cast<stream*>(handle->data);
            if (size < 0) {
                self.loop_.fail("a connection has ended");
            } else if (size != 0) {
                self.loop_.guard([&] { self.take({into->base, static_cast<std::size_t>(size)}); });
            }
        };
        std::ignore = loop_.succeeded(uv_read_start(stream_handle(), allocate, come), "uv_read_start");
    }

protected:
    /// What came. May throw.
    virtual void take(std::span<const char> data) = 0;
    /// A write that was pending is done.
    virtual void written() = 0;

    /// Returns whether it is written already; the data must stay otherwise until written() is called.
    [[nodiscard]] bool write(std::span<const char> data) {
        // libuv takes what is written as changeable, and does not change it.
        auto window = uv_buf_init(const_cast<char*>(data.data()), static_cast<unsigned>(data.size()));
        const int size = uv_try_write(stream_handle(), &window, 1);
        if (size == static_cast<int>(data.size())) {
            return true;
        }
        if (size > 0) {
            window.base += size;
            window.len -= static_cast<unsigned>(size);
        } else if (size != UV_EAGAIN) {
            check(size, "uv_try_write");
        }
        const auto ended = [](uv_write_t* request, int result) {
            auto& self = *static_cast<stream*>(request->handle->data);
            if (!self.loop_.closing() && self.loop_.succeeded(result, "uv_write")) {
                self.loop_.guard([&self] { self.written(); });
            }
        };
        check(uv_write(&request_, stream_handle(), &window, 1, ended), "uv_write");
        return false;
    }
    void read_no_more() noexcept { uv_read_stop(stream_handle()); }

    event_loop& loop_;

private:
    [[nodiscard]] uv_stream_t* stream_handle() noexcept { return reinterpret_cast<uv_stream_t*>(&handle_); }

    uv_tcp_t handle_{};
    uv_write_t request_{};
    std::vector<char> buffer_;
};

/// Writes what comes. While it cannot, it does not read.
class server final : public stream {
public:
    using stream::stream;

private:
    void take(std::span<const char> data) override {
        if (!write(data)) {
            read_no_more();
        }
    }
    void written() override { read(); }
};

/// Keeps messages on the way.
class client final : public stream {
public:
    client(event_loop& loop, std::uint64_t number, std::size_t size, std::uint64_t in_flight, std::uint64_t messages,
           std::uint64_t& running)
        : stream(loop, std::max(size + 1, least_buffer)), echo_(number, size), in_flight_(in_flight),
          to_write_(messages), to_come_(messages), running_(running) {}

    void start() {
        read();
        write_more();
    }

private:
    void take(std::span<const char> data) override {
        loop_.done();
        to_come_ -= echo_.check(data);
        if (to_come_ == 0) {
            read_no_more();
            if (--running_ == 0) {
                loop_.stop();
            }
            return;
        }
        write_more();
    }
    void written() override {
        writing_ = false;
        write_more();
    }
    void write_more() {
        while (!writing_ && to_write_ != 0 && to_come_ - to_write_ < in_flight_) {
            --to_write_;
            writing_ = !write(echo_.message());
        }
    }

    pattern echo_;
    const std::uint64_t in_flight_;
    std::uint64_t to_write_;
    std::uint64_t to_come_; // as many more than to_write_ as are on the way
    std::uint64_t& running_;
    bool writing_ = false;
};

/// Connections, both ends of each, on one loop.
class echo {
public:
    echo(std::uint64_t connections, const request& asked, std::uint64_t messages)
        : running_(messages == 0 ? 0 : connections), size_(asked["size"]), to_connect_(2 * connections) {
        if (connections == 0) {
            return;
        }
        check(uv_tcp_init(loop_.get(), &listener_), "uv_tcp_init");
        listener_.data = this;
        check(uv_tcp_bind(&listener_, any_loopback_port(), 0), "uv_tcp_bind");
        const auto accept = [](uv_stream_t* listener, int result) {
            auto& self = *static_cast<echo*>(listener->data);
            self.loop_.guard([&] {
                check(result, "uv_listen");
                stream& accepted = self.servers_.emplace_back(self.loop_, std::max(self.size_, least_buffer));
                check(uv_accept(listener, reinterpret_cast<uv_stream_t*>(accepted.handle())), "uv_accept");
                accepted.reset_at_close();
                accepted.read();
                self.connected();
            });
        };
        check(uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), SOMAXCONN, accept), "uv_listen");
        sockaddr_in address{};
        int address_size = sizeof address;
        check(uv_tcp_getsockname(&listener_, reinterpret_cast<sockaddr*>(&address), &address_size),
              "uv_tcp_getsockname");
        std::deque<uv_connect_t> requests(connections);
        for (std::uint64_t index = 0; index < connections; ++index) {
            client& made = clients_.emplace_back(loop_, index, size_, asked["in_flight"], messages, running_);
            requests[index].data = this;
            const auto is_connected = [](uv_connect_t* request, int connect_result) {
                auto& self = *static_cast<echo*>(request->data);
                if (self.loop_.succeeded(connect_result, "uv_tcp_connect")) {
                    self.connected();
                }
            };
            check(uv_tcp_connect(&requests[index], made.handle(), reinterpret_cast<const sockaddr*>(&address),
                                 is_connected),
                  "uv_tcp_connect");
        }
        loop_.run();
        uv_close(reinterpret_cast<uv_handle_t*>(&listener_), nullptr);
    }

    void run() {
        if (running_ == 0) {
            return;
        }
        for (client& starting : clients_) {
            starting.start();
        }
        loop_.run();
    }

private:
    void connected() noexcept {
        loop_.done();
        if (--to_connect_ == 0) {
            loop_.stop();
        }
    }

    std::uint64_t running_; // clients
    const std::size_t size_;
    std::uint64_t to_connect_; // ends of connections
    uv_tcp_t listener_{};
    std::deque<server> servers_;
    std::deque<client> clients_;
    event_loop loop_; // gone before its handles are
};

} // namespace

figures libuv_echo(const request& asked, unsigned threads) {
    const std::uint64_t connections = asked["connections"];
    const std::uint64_t messages = equal_share(asked.items(), connections);
    std::vector<std::unique_ptr<echo>> loops;
    for (unsigned index = 0; index < threads; ++index) {
        loops.push_back(std::make_unique<echo>(share_of(connections, threads, index), asked, messages));
    }
    const auto time = run_together(threads, [&loops](unsigned index) { loops[index]->run(); });
    return timed(time, connections * messages);
}

} // namespace moor::bench::peers
