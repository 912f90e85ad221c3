// See threads_socket.hpp.
#include "peers/system/threads_socket.hpp"

#include <system_error>

#include "peers/support/peer.hpp"

namespace moor::bench::peers::threads {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(::WSAGetLastError(), std::system_category(), what); }

void check(int result, const char* what) {
    if (result == SOCKET_ERROR) {
        fail(what);
    }
}

template <class Value>
void set_option(SOCKET socket, int level, int option, Value value) {
    check(::setsockopt(socket, level, option, reinterpret_cast<const char*>(&value), sizeof value), "setsockopt");
}

} // namespace

blocking_socket::blocking_socket(int type) : socket_(::socket(AF_INET, type, 0)) {
    if (socket_ == INVALID_SOCKET) {
        fail("socket");
    }
}

void blocking_socket::bind_to_loopback() {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    check(::bind(socket_, reinterpret_cast<const sockaddr*>(&local), sizeof local), "bind");
}

void blocking_socket::listen() { check(::listen(socket_, SOMAXCONN), "listen"); }

blocking_socket blocking_socket::accept() {
    const SOCKET made = ::accept(socket_, nullptr, nullptr);
    if (made == INVALID_SOCKET) {
        fail("accept");
    }
    return {adopted{}, made};
}

void blocking_socket::connect(const sockaddr_in& to) {
    check(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
}

sockaddr_in blocking_socket::address() const {
    sockaddr_in local{};
    int size = sizeof local;
    check(::getsockname(socket_, reinterpret_cast<sockaddr*>(&local), &size), "getsockname");
    return local;
}

void blocking_socket::set_no_delay() { set_option(socket_, IPPROTO_TCP, TCP_NODELAY, BOOL{TRUE}); }

void blocking_socket::set_reset_at_close() { set_option(socket_, SOL_SOCKET, SO_LINGER, linger{1, 0}); }

void blocking_socket::set_patience(std::chrono::milliseconds longest) {
    set_option(socket_, SOL_SOCKET, SO_RCVTIMEO, static_cast<DWORD>(longest.count()));
}

std::size_t blocking_socket::receive(std::span<char> into) {
    const int size = ::recv(socket_, into.data(), static_cast<int>(into.size()), 0);
    check(size, "recv");
    return static_cast<std::size_t>(size);
}

void blocking_socket::receive_all(std::span<char> into) {
    while (!into.empty()) {
        const std::size_t size = receive(into);
        if (size == 0) {
            throw failed("the connection has ended");
        }
        into = into.subspan(size);
    }
}

void blocking_socket::send(std::span<const char> data) {
    while (!data.empty()) {
        const int size = ::send(socket_, data.data(), static_cast<int>(data.size()), 0);
        check(size, "send");
        data = data.subspan(static_cast<std::size_t>(size));
    }
}

bool blocking_socket::receive_from(std::span<char> into, std::size_t& size, sockaddr_in& from) {
    int address_size = sizeof from;
    const int came = ::recvfrom(socket_, into.data(), static_cast<int>(into.size()), 0,
                                reinterpret_cast<sockaddr*>(&from), &address_size);
    if (came == SOCKET_ERROR && ::WSAGetLastError() == WSAETIMEDOUT) {
        return false;
    }
    check(came, "recvfrom");
    size = static_cast<std::size_t>(came);
    return true;
}

void blocking_socket::send_to(std::span<const char> data, const sockaddr_in& to) {
    check(::sendto(socket_, data.data(), static_cast<int>(data.size()), 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to),
          "sendto");
}

void blocking_socket::close() noexcept {
    if (socket_ != INVALID_SOCKET) {
        ::closesocket(std::exchange(socket_, INVALID_SOCKET));
    }
}

} // namespace moor::bench::peers::threads
