// The floor as a peer: making connections and tearing them down, by ConnectEx and AcceptEx.
//
// 32 AcceptEx calls are outstanding: one alone was half as fast, 8 and 32 hardly differed. SO_UPDATE_ACCEPT_CONTEXT and
// SO_UPDATE_CONNECT_CONTEXT are left out, since what follows works without them according to the documentation of those
// functions. Sockets are not used again through DisconnectEx: the server could do that after TIME_WAIT only.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "net/floor_loop.hpp"
#include "peers/support/together.hpp"
#include "peers/system/floor_jobs.hpp"

namespace moor::bench::peers {
namespace {

constexpr std::size_t accepts_outstanding = 32;
constexpr DWORD address_room = sizeof(sockaddr_in) + 16; // as AcceptEx wants it

template <class function>
function extension(const floor_socket& socket, GUID id) {
    function found = nullptr;
    DWORD size = 0;
    check(::WSAIoctl(socket.get(), SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &found, sizeof found, &size,
                     nullptr, nullptr) == 0,
          "SIO_GET_EXTENSION_FUNCTION_POINTER");
    return found;
}

/// Accepts, sends the first byte back where clients ask, and closes.
class server final : public floor_machine {
public:
    server(floor_loop& loop, bool asked)
        : loop_(loop), asked_(asked), accept_ex_(extension<LPFN_ACCEPTEX>(listener_, WSAID_ACCEPTEX)) {
        loop_.add(listener_);
        check(::listen(listener_.get(), SOMAXCONN) == 0, "listen");
    }

    [[nodiscard]] const sockaddr_in& address() const noexcept { return address_; }

    void start() {
        while (slots_.size() < accepts_outstanding) {
            slot& next = slots_.emplace_back(*this);
            if (accept(next)) {
                go_on(next, 0);
            }
        }
    }

    void go_on(floor_call& ended, std::uint32_t) override {
        auto& at = static_cast<slot&>(ended);
        do {
            if (asked_) {
                check(::send(at.accepted.get(), at.buffer.data(), 1, 0) == 1, "send");
            }
            at.accepted.close();
        } while (accept(at));
    }

    void close() noexcept override { listener_.close(); }

private:
    struct slot : floor_call {
        explicit slot(server& its) : floor_call(its) {}

        floor_socket accepted;
        std::array<char, 1 + std::size_t{2} * address_room> buffer{}; // the byte, and two addresses
    };

    [[nodiscard]] bool accept(slot& into) {
        into.accepted = floor_socket::tcp();
        DWORD size = 0;
        const BOOL result = accept_ex_(listener_.get(), into.accepted.get(), into.buffer.data(), asked_ ? 1 : 0,
                                       address_room, address_room, &size, into.renewed());
        return loop_.has_ended(result != FALSE, "AcceptEx");
    }

    floor_loop& loop_;
    const bool asked_;
    floor_socket listener_ = floor_socket::tcp();
    const sockaddr_in address_ = listener_.bind_to_loopback();
    const LPFN_ACCEPTEX accept_ex_;
    std::deque<slot> slots_;
};

/// What the clients share.
struct work {
    std::atomic<std::int64_t> to_start;
    std::atomic<std::int64_t> to_end;
    sockaddr_in server;
    bool asks; // a byte each way
    LPFN_CONNECTEX connect_ex;
};

/// Connects, waits until the other end closes, closes, and again.
class client final : public floor_machine {
public:
    client(floor_loop& loop, work& shared) : loop_(loop), shared_(shared) {}

    void start() {
        if (begin()) {
            go_on(call_, 0);
        }
    }

    void go_on(floor_call&, std::uint32_t transferred) override {
        do {
            if (std::exchange(connecting_, false)) {
                continue;
            }
            if (transferred != 0) {
                if (shared_.asks == answered_ || answer_[0] != question_) {
                    throw failed("the answer is not what was sent");
                }
                answered_ = true;
                continue;
            }
            if (shared_.asks != answered_) {
                throw failed("the connection has ended without an answer");
            }
            socket_.close();
            shared_.to_end.fetch_sub(1);
            if (!begin()) {
                return;
            }
            connecting_ = false;
        } while (receive(transferred));
    }

    void close() noexcept override { socket_.close(); }

private:
    // Whether it is connected already. Not when there is nothing left to do either.
    [[nodiscard]] bool begin() {
        if (shared_.to_start.fetch_sub(1) <= 0) {
            return false;
        }
        connecting_ = true;
        answered_ = false;
        ++question_;
        socket_ = floor_socket::tcp();
        sockaddr_in any{};
        any.sin_family = AF_INET;
        check(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0, "bind");
        loop_.add(socket_);
        DWORD size = 0;
        const BOOL result =
            shared_.connect_ex(socket_.get(), reinterpret_cast<const sockaddr*>(&shared_.server), sizeof shared_.server,
                               shared_.asks ? &question_ : nullptr, shared_.asks ? 1 : 0, &size, call_.renewed());
        return loop_.has_ended(result != FALSE, "ConnectEx");
    }

    [[nodiscard]] bool receive(std::uint32_t& transferred) {
        WSABUF window{static_cast<ULONG>(answer_.size()), answer_.data()};
        DWORD size = 0;
        DWORD flags = 0;
        const int result = ::WSARecv(socket_.get(), &window, 1, &size, &flags, call_.renewed(), nullptr);
        transferred = size;
        return loop_.has_ended(result == 0, "WSARecv");
    }

    floor_loop& loop_;
    work& shared_;
    floor_socket socket_;
    floor_call call_{*this};
    bool connecting_ = false;
    bool answered_ = false;
    char question_ = 0;
    std::array<char, 2> answer_{};
};

figures make_connections(std::uint64_t clients, std::uint64_t items, bool asking, unsigned threads) {
    work shared{};
    shared.to_start = static_cast<std::int64_t>(items);
    shared.to_end = static_cast<std::int64_t>(items);
    shared.asks = asking;
    floor_loop loop(threads);
    auto& listening = loop.make<server>(loop, asking);
    shared.server = listening.address();
    shared.connect_ex = extension<LPFN_CONNECTEX>(floor_socket::tcp(), WSAID_CONNECTEX);
    std::vector<client*> all;
    for (std::uint64_t index = 0; index < clients; ++index) {
        all.push_back(&loop.make<client>(loop, shared));
    }
    listening.start();
    const auto time = run_together(threads, [&](unsigned thread) {
        for (std::size_t index = thread; index < all.size(); index += threads) {
            all[index]->start();
        }
        while (shared.to_end > 0) {
            loop.turn();
        }
        loop.wake(); // each wakes the next one
    });
    return timed(time, items);
}

} // namespace

figures floor_accept(const request& asked, unsigned threads) {
    return make_connections(asked["clients"], asked.items(), false, threads);
}

figures floor_connect(const request& asked) { return make_connections(1, asked.items(), true, 1); }

} // namespace moor::bench::peers
