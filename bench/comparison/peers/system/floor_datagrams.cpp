// The floor as a peer: a datagram echo by overlapped calls. The server has one receive outstanding for each thread:
// more of them were slower. The clients' sockets are connected, so that the system need not look up an address for each
// send.
#include <atomic>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "net/floor_loop.hpp"
#include "peers/support/share.hpp"
#include "peers/support/together.hpp"
#include "peers/system/floor_jobs.hpp"
#include "support/pattern.hpp"

namespace moor::bench::peers {
namespace {

constexpr std::uint32_t patience_ms = 1000;

/// Sends each datagram back to where it came from.
class server final : public floor_machine {
public:
    server(floor_loop& loop, std::size_t largest) : loop_(loop), largest_(largest) { loop_.add(socket_); }

    [[nodiscard]] const sockaddr_in& address() const noexcept { return address_; }

    void start(unsigned receives) {
        for (unsigned index = 0; index < receives; ++index) {
            slot& next = slots_.emplace_back(*this, largest_);
            std::uint32_t transferred = 0;
            if (receive(next, transferred)) {
                throw failed("a datagram came before any was sent");
            }
        }
    }

    void go_on(floor_call& call, std::uint32_t transferred) override {
        auto& at = static_cast<slot&>(call);
        for (bool ended = true; ended;) {
            if (std::exchange(at.sending, false)) {
                ended = receive(at, transferred);
                continue;
            }
            at.sending = true;
            WSABUF window{transferred, at.buffer.data()};
            DWORD size = 0;
            const int result = ::WSASendTo(socket_.get(), &window, 1, &size, 0, reinterpret_cast<sockaddr*>(&at.from),
                                           sizeof at.from, at.renewed(), nullptr);
            ended = loop_.has_ended(result == 0, "WSASendTo");
        }
    }

    void close() noexcept override { socket_.close(); }

private:
    struct slot : floor_call {
        slot(server& its, std::size_t largest) : floor_call(its), buffer(largest) {}

        std::vector<char> buffer;
        sockaddr_in from{};
        int from_size = 0;
        DWORD flags = 0;
        bool sending = false;
    };

    [[nodiscard]] bool receive(slot& into, std::uint32_t& transferred) {
        into.from_size = sizeof into.from;
        into.flags = 0;
        WSABUF window{static_cast<ULONG>(into.buffer.size()), into.buffer.data()};
        DWORD size = 0;
        const int result =
            ::WSARecvFrom(socket_.get(), &window, 1, &size, &into.flags, reinterpret_cast<sockaddr*>(&into.from),
                          &into.from_size, into.renewed(), nullptr);
        transferred = size;
        return loop_.has_ended(result == 0, "WSARecvFrom");
    }

    floor_loop& loop_;
    const std::size_t largest_;
    floor_socket socket_ = floor_socket::udp();
    const sockaddr_in address_ = socket_.bind_to_loopback();
    std::deque<slot> slots_;
};

/// Sends and waits for the echo, in turn.
class client final : public floor_machine {
public:
    client(floor_loop& loop, const sockaddr_in& server, std::uint64_t number, std::size_t size,
           std::atomic<std::uint64_t>& running)
        : loop_(loop), running_(running), echo_(number, size), buffer_(size) {
        check(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0, "connect");
        loop_.add(socket_);
    }

    void start(std::uint64_t datagrams) {
        left_ = datagrams;
        if (send()) {
            go_on(call_, 0);
        }
    }

    void go_on(floor_call&, std::uint32_t transferred) override {
        for (bool ended = true; ended;) {
            if (std::exchange(sending_, false)) {
                ended = receive(transferred);
                continue;
            }
            if (echo_.check(std::span(buffer_).first(transferred)) != 1) {
                throw failed("the echo is shorter than what was sent");
            }
            if (--left_ == 0) {
                --running_;
                return;
            }
            ended = send();
        }
    }

    void close() noexcept override { socket_.close(); }

private:
    // Winsock takes what is sent as changeable, and does not change it.
    [[nodiscard]] bool send() {
        sending_ = true;
        const auto message = echo_.message();
        WSABUF window{static_cast<ULONG>(message.size()), const_cast<char*>(message.data())};
        DWORD size = 0;
        const int result = ::WSASend(socket_.get(), &window, 1, &size, 0, call_.renewed(), nullptr);
        return loop_.has_ended(result == 0, "WSASend");
    }

    [[nodiscard]] bool receive(std::uint32_t& transferred) {
        flags_ = 0;
        WSABUF window{static_cast<ULONG>(buffer_.size()), buffer_.data()};
        DWORD size = 0;
        const int result = ::WSARecv(socket_.get(), &window, 1, &size, &flags_, call_.renewed(), nullptr);
        transferred = size;
        return loop_.has_ended(result == 0, "WSARecv");
    }

    floor_loop& loop_;
    std::atomic<std::uint64_t>& running_;
    pattern echo_;
    std::vector<char> buffer_;
    floor_socket socket_ = floor_socket::udp();
    floor_call call_{*this};
    DWORD flags_ = 0;
    bool sending_ = false; // what call_ does
    std::uint64_t left_ = 0;
};

} // namespace

figures floor_udp_echo(const request& asked, unsigned threads) {
    const std::uint64_t clients = asked["clients"];
    const std::uint64_t each = equal_share(asked.items(), clients);
    std::atomic<std::uint64_t> running{clients};
    floor_loop loop(threads);
    auto& serving = loop.make<server>(loop, asked["size"]);
    std::vector<client*> all;
    for (std::uint64_t index = 0; index < clients; ++index) {
        all.push_back(&loop.make<client>(loop, serving.address(), index, asked["size"], running));
    }
    serving.start(threads);
    const auto time = run_together(threads, [&](unsigned thread) {
        for (std::size_t index = thread; index < all.size(); index += threads) {
            all[index]->start(each);
        }
        while (running != 0) {
            loop.turn(patience_ms);
        }
        loop.wake(); // each wakes the next one
    });
    return timed(time, clients * each);
}

} // namespace moor::bench::peers
