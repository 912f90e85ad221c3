// libuv as a peer: the datagram echo. Datagrams are sent by uv_udp_try_send, which needs no request and no second
// callback; should the system have no room, that is an error here, since so few are on the way. The clients are
// connected, so that no address is looked up for a send.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "peers/libuv/libuv_jobs.hpp"
#include "peers/libuv/loop.hpp"
#include "peers/support/share.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

/// A socket that receives into one buffer.
class datagrams {
public:
    datagrams(event_loop& loop, std::size_t largest) : loop_(loop), buffer_(largest) {
        check(uv_udp_init(loop_.get(), &handle_), "uv_udp_init");
        handle_.data = this;
        check(uv_udp_bind(&handle_, any_loopback_port(), 0), "uv_udp_bind");
    }
    virtual ~datagrams() = default;
    datagrams(const datagrams&) = delete;
    datagrams& operator=(const datagrams&) = delete;

    [[nodiscard]] sockaddr_in address() const {
        sockaddr_in bound{};
        int size = sizeof bound;
        check(uv_udp_getsockname(&handle_, reinterpret_cast<sockaddr*>(&bound), &size), "uv_udp_getsockname");
        return bound;
    }
    void connect(const sockaddr_in& to) {
        check(uv_udp_connect(&handle_, reinterpret_cast<const sockaddr*>(&to)), "uv_udp_connect");
    }
    void receive() {
        const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
            auto& buffer = static_cast<datagrams*>(handle->data)->buffer_;
            *into = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
        };
        const auto come = [](uv_udp_t* handle, ssize_t size, const uv_buf_t* data, const sockaddr* from, unsigned) {
            auto& self = *static_cast<datagrams*>(handle->data);
            if (from != nullptr || size < 0) { // else nothing is there yet
                self.loop_.guard([&] {
                    check(static_cast<int>(size), "uv_udp_recv_start");
                    self.take({data->base, static_cast<std::size_t>(size)}, from);
                });
            }
        };
        check(uv_udp_recv_start(&handle_, allocate, come), "uv_udp_recv_start");
    }

protected:
    virtual void take(std::span<const char> data, const sockaddr* from) = 0;

    /// `to` is null for a connected one.
    void send(std::span<const char> data, const sockaddr* to) {
        // libuv takes what is sent as changeable, and does not change it.
        const auto window = uv_buf_init(const_cast<char*>(data.data()), static_cast<unsigned>(data.size()));
        check(uv_udp_try_send(&handle_, &window, 1, to), "uv_udp_try_send");
    }

    event_loop& loop_;

private:
    uv_udp_t handle_{};
    std::vector<char> buffer_;
};

/// Sends each datagram back to where it came from.
class server final : public datagrams {
public:
    using datagrams::datagrams;

private:
    void take(std::span<const char> data, const sockaddr* from) override { send(data, from); }
};

/// Sends and waits for the echo, in turn.
class client final : public datagrams {
public:
    client(event_loop& loop, std::uint64_t number, std::size_t size, std::uint64_t count, std::uint64_t& running)
        : datagrams(loop, size), echo_(number, size), left_(count), running_(running) {}

    void start() { send(echo_.message(), nullptr); }

private:
    void take(std::span<const char> data, const sockaddr*) override {
        if (echo_.check(data) != 1) {
            throw failed("the echo is shorter than what was sent");
        }
        loop_.done();
        if (--left_ != 0) {
            send(echo_.message(), nullptr);
        } else if (--running_ == 0) {
            loop_.stop();
        }
    }

    pattern echo_;
    std::uint64_t left_;
    std::uint64_t& running_;
};

} // namespace

figures libuv_udp_echo(const request& asked) {
    const std::uint64_t count = asked["clients"];
    const std::uint64_t size = asked["size"];
    const std::uint64_t each = equal_share(asked.items(), count);
    std::uint64_t running = count;
    std::deque<server> servers;
    std::deque<client> clients;
    event_loop loop; // gone before its handles are
    server& serving = servers.emplace_back(loop, size);
    serving.receive();
    for (std::uint64_t index = 0; index < count; ++index) {
        client& made = clients.emplace_back(loop, index, size, each, running);
        made.connect(serving.address());
        made.receive();
    }
    const auto start = clock::now();
    for (client& starting : clients) {
        starting.start();
    }
    constexpr std::uint64_t patience_ms = 1000;
    loop.run(patience_ms);
    return timed(clock::now() - start, count * each);
}

} // namespace moor::bench::peers
