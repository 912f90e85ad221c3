// See floor.hpp.
#include "net/floor.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

#include "support/pattern.hpp"

namespace moor::bench {
namespace {

constexpr std::size_t least_buffer = 4096;

} // namespace

/// One side of a connection.
class echo_floor::end : public floor_machine {
public:
    void close() noexcept final { socket_.close(); }

protected:
    end(echo_floor& floor, floor_socket socket, std::size_t buffer_size)
        : floor_(floor), buffer_(buffer_size), socket_(std::move(socket)) {
        socket_.set_no_delay();
        floor_.loop_.add(socket_);
    }

    // Both return whether the call has ended already; `transferred` is then what it moved.
    [[nodiscard]] bool receive(floor_call& call, std::uint32_t& transferred) {
        ++floor_.counts_.receives;
        WSABUF window{static_cast<ULONG>(buffer_.size()), buffer_.data()};
        DWORD size = 0;
        DWORD flags = 0;
        const int result = ::WSARecv(socket_.get(), &window, 1, &size, &flags, call.renewed(), nullptr);
        transferred = size;
        return floor_.loop_.has_ended(result == 0, "WSARecv");
    }
    // Winsock takes what is sent as changeable, and does not change it.
    [[nodiscard]] bool send(floor_call& call, std::span<const char> data) {
        ++floor_.counts_.sends;
        WSABUF window{static_cast<ULONG>(data.size()), const_cast<char*>(data.data())};
        DWORD size = 0;
        const int result = ::WSASend(socket_.get(), &window, 1, &size, 0, call.renewed(), nullptr);
        return floor_.loop_.has_ended(result == 0, "WSASend");
    }

    echo_floor& floor_;
    std::vector<char> buffer_;

private:
    floor_socket socket_;
};

/// Receives and sends in turn.
class echo_floor::server final : public end {
public:
    server(echo_floor& floor, floor_socket socket, std::size_t message_size)
        : end(floor, std::move(socket), std::max(message_size, least_buffer)) {}

    void start() {
        std::uint32_t transferred = 0;
        if (receive(call_, transferred)) {
            throw std::runtime_error("floor: something came before anything was sent");
        }
    }

    void go_on(floor_call&, std::uint32_t transferred) override {
        for (bool ended = true; ended;) {
            if (std::exchange(sending_, false)) {
                ended = receive(call_, transferred);
                continue;
            }
            if (transferred == 0) {
                throw std::runtime_error("floor: a connection has ended");
            }
            sending_ = true;
            ended = send(call_, std::span(buffer_).first(transferred));
        }
    }

private:
    floor_call call_{*this};
    bool sending_ = false; // what call_ does
};

/// Sends one message at a time, and receives beside it.
class echo_floor::client final : public end {
public:
    client(echo_floor& floor, floor_socket socket, std::uint64_t number, std::size_t message_size,
           std::uint64_t in_flight)
        : end(floor, std::move(socket), in_flight == 1 ? message_size : std::max(message_size, least_buffer)),
          echo_(number, message_size), in_flight_(in_flight) {}

    void start(std::uint64_t messages) {
        to_send_ = messages;
        to_come_ = messages;
        send_more();
        std::uint32_t transferred = 0;
        if (receive(receiving_, transferred)) {
            go_on(receiving_, transferred);
        }
    }

    void go_on(floor_call& ended, std::uint32_t transferred) override {
        if (&ended == &sending_) {
            send_pending_ = false;
            send_more();
            return;
        }
        do {
            if (transferred == 0) {
                throw std::runtime_error("floor: a connection has ended");
            }
            to_come_ -= echo_.check(std::span(buffer_).first(transferred));
            if (to_come_ == 0) {
                --floor_.clients_running_;
                return;
            }
            send_more();
        } while (receive(receiving_, transferred));
    }

private:
    void send_more() {
        while (!send_pending_ && to_send_ != 0 && to_come_ - to_send_ < in_flight_) {
            --to_send_;
            send_pending_ = !send(sending_, echo_.message());
        }
    }

    pattern echo_;
    const std::uint64_t in_flight_;
    floor_call sending_{*this};
    floor_call receiving_{*this};
    bool send_pending_ = false;
    std::uint64_t to_send_ = 0;
    std::uint64_t to_come_ = 0; // messages; as many more than to_send_ as are on the way
};

echo_floor::echo_floor(std::size_t connections, std::size_t message_size, std::uint64_t in_flight) {
    const auto listener = floor_socket::tcp();
    const sockaddr_in address = listener.bind_to_loopback();
    check(::listen(listener.get(), SOMAXCONN) == 0, "listen");
    for (std::size_t index = 0; index < connections; ++index) {
        auto socket = floor_socket::tcp();
        check(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
        clients_.push_back(&loop_.make<client>(*this, std::move(socket), index, message_size, in_flight));
        floor_socket accepted(::accept(listener.get(), nullptr, nullptr));
        accepted.set_reset_at_close();
        loop_.make<server>(*this, std::move(accepted), message_size).start();
    }
}

void echo_floor::run(std::uint64_t messages) {
    if (messages == 0) {
        return;
    }
    clients_running_ = clients_.size();
    for (client* const started : clients_) {
        started->start(messages);
    }
    while (clients_running_ != 0) {
        ++counts_.dequeues;
        loop_.turn();
    }
}

} // namespace moor::bench
