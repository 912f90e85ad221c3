// The loop of the floor: one completion port with state machines on it, written by hand, without the library, and with
// all that makes the library fast: no packet for what completes at once, packets dequeued 64 at a time, no allocation
// for a call. The machines are in floor.cpp and, for the comparison with other libraries, in peers/system.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "win/windows.hpp"

namespace moor::bench {

/// Throws std::system_error with the thread's last error, Winsock's too, unless `succeeded`.
void check(bool succeeded, const char* what);

/// Owns a socket for overlapped calls.
class floor_socket {
public:
    floor_socket() noexcept = default;
    /// Takes it over. Throws std::system_error when the system gave none.
    explicit floor_socket(SOCKET adopted);
    floor_socket(floor_socket&& other) noexcept : socket_(std::exchange(other.socket_, INVALID_SOCKET)) {}
    floor_socket& operator=(floor_socket&& other) noexcept {
        close();
        socket_ = std::exchange(other.socket_, INVALID_SOCKET);
        return *this;
    }
    ~floor_socket() { close(); }

    [[nodiscard]] static floor_socket tcp();
    [[nodiscard]] static floor_socket udp();

    [[nodiscard]] SOCKET get() const noexcept { return socket_; }
    void close() noexcept {
        if (socket_ != INVALID_SOCKET) {
            ::closesocket(std::exchange(socket_, INVALID_SOCKET));
        }
    }
    /// Binds it to a port of the loopback interface that is free, and returns the address.
    [[nodiscard]] sockaddr_in bind_to_loopback() const;
    void set_no_delay() const;
    /// A reset instead of a farewell, so that neither end keeps its port in TIME_WAIT.
    void set_reset_at_close() const;

private:
    SOCKET socket_ = INVALID_SOCKET;
};

struct floor_call;

/// What makes calls and goes on when they end. Its memory, and so that of its calls, is a loop's: see floor_loop::make.
class floor_machine {
public:
    floor_machine() = default;
    virtual ~floor_machine() = default;
    floor_machine(const floor_machine&) = delete;
    floor_machine& operator=(const floor_machine&) = delete;

    /// A call that was pending has succeeded, with that many bytes. Another thread may be inside for another call.
    virtual void go_on(floor_call& ended, std::uint32_t transferred) = 0;
    /// Closes what it has, which ends its calls. There is no go_on afterwards.
    virtual void close() noexcept = 0;
};

/// One call at a time: what the system fills in, and whose it is.
struct floor_call : OVERLAPPED {
    explicit floor_call(floor_machine& machine) noexcept : OVERLAPPED{}, owner(&machine) {}
    /// To be passed to the next call.
    [[nodiscard]] OVERLAPPED* renewed() noexcept {
        static_cast<OVERLAPPED&>(*this) = {};
        return this;
    }

    floor_machine* owner;
};

/// A completion port and its machines. Several threads may turn it at once.
class floor_loop {
public:
    static constexpr std::uint32_t patience_ms = 10'000;

    /// Throws std::system_error when the system refuses something; so do the others.
    explicit floor_loop(unsigned threads = 1);
    /// Closes the machines, and destroys them when no call of theirs is pending any more.
    ~floor_loop();
    floor_loop(const floor_loop&) = delete;
    floor_loop& operator=(const floor_loop&) = delete;

    template <class machine, class... arguments>
    machine& make(arguments&&... values) {
        auto made = std::make_unique<machine>(std::forward<arguments>(values)...);
        machine& result = *made;
        machines_.push_back(std::move(made));
        return result;
    }

    /// Packets of this socket's calls come here; what completes at once has none.
    void add(const floor_socket& socket) const;

    /// After a call: whether it has ended already. If not, its machine may be on its way in another thread.
    [[nodiscard]] bool has_ended(bool succeeded, const char* what) {
        if (succeeded) {
            return true;
        }
        check(::GetLastError() == WSA_IO_PENDING, what);
        pending_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }

    /// Waits for packets, and lets their machines go on. Throws std::runtime_error when a call has failed, or when
    /// there is no packet for that long.
    void turn(std::uint32_t patience = patience_ms);
    /// Makes one turn() return that waits for packets, or the next one.
    void wake() const;

private:
    struct winsock {
        winsock();
        ~winsock() { ::WSACleanup(); }
    };

    winsock started_;
    HANDLE port_;
    std::atomic<std::int64_t> pending_{0}; // calls; below 0 for as long as a packet is faster than has_ended()
    std::vector<std::unique_ptr<floor_machine>> machines_;
};

} // namespace moor::bench
