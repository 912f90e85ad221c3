// A system that keeps the contract of overlapped I/O to the letter and is as unkind as the letter allows: completes
// late and in any order, transfers fewer bytes than asked, fails with every documented error, treats a cancellation as
// a mere request, reads the buffer array only at the end, and scribbles over every output parameter from another thread
// up to the moment before the packet.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "iocp/io_context.hpp"
#include "iocp/system_calls.hpp"
#include "win/socket.hpp"

namespace moor::test {

/// How a scripted call ends.
struct scripted_end {
    std::uint32_t error = 0; ///< at once: the Winsock error, 0 for success
    std::int32_t status = 0; ///< by packet: the kernel's NTSTATUS
    bool by_packet = false;
    std::uint32_t count = 0; ///< bytes that a success pretends to have transferred; no data is moved
    bool never = false;      ///< pending until it is cancelled

    static scripted_end fails_at_once(std::uint32_t error) { return {error, 0, false, 0, false}; }
    static scripted_end fails_later(std::int32_t status) { return {0, status, true, 0, false}; }
    static scripted_end succeeds_at_once(std::uint32_t count) { return {0, 0, false, count, false}; }
    static scripted_end succeeds_later(std::uint32_t count) { return {0, 0, true, count, false}; }
    static scripted_end succeeds_when_cancelled(std::uint32_t count) { return {0, 0, true, count, true}; }
    static scripted_end waits_for_cancellation() { return {0, 0, true, 0, true}; }
};

/// Replaces the system calls for its lifetime. Made and destroyed by a coroutine, whose runtime's port gets the
/// packets. Sockets that make_line() returned are simulated; calls on others go to the system unless they are scripted.
class adversary {
public:
    struct habits {
        double at_once = 0.3;     ///< share of calls that end before they return, where that is possible
        double whole = 0.3;       ///< share of transfers that are not cut short
        double patience = 0.6;    ///< share of the looks at a pending call that leave it pending
        bool skip_packets = true; ///< what make_line's sockets say about packets of immediate successes
    };

    adversary(std::uint32_t seed, const habits& wanted);
    explicit adversary(std::uint32_t seed) : adversary(seed, habits{}) {}
    /// All calls must have completed.
    ~adversary();
    adversary(const adversary&) = delete;
    adversary& operator=(const adversary&) = delete;

    struct line {
        win::unique_socket first;
        win::unique_socket second;
    };
    /// Two simulated sockets whose bytes go from one to the other.
    [[nodiscard]] line make_line();

    /// What the other side of `socket` reads after all that was sent: end of stream.
    void end_stream(SOCKET socket);

    /// The next call of that kind, on any socket, ends like this.
    enum class kind : unsigned { receive, send, accept, connect };
    void script(kind which, const scripted_end& end);

    /// Calls that are pending now.
    [[nodiscard]] std::size_t pending() const;
    /// Calls ever made of that kind.
    [[nodiscard]] std::size_t calls(kind which) const;
    [[nodiscard]] std::size_t buffers_of_last_call() const;
    [[nodiscard]] std::uint64_t cancellations() const;

    /// What the contract forbids and was seen all the same; empty when all is well.
    [[nodiscard]] std::vector<std::string> offences() const;

private:
    struct call {
        kind what{};
        SOCKET socket = INVALID_SOCKET;
        OVERLAPPED* overlapped = nullptr;
        WSABUF* buffers = nullptr;
        DWORD buffer_count = 0;
        DWORD* transferred = nullptr;
        DWORD* flags = nullptr;
        void* block = nullptr; // accept's address block
        std::size_t block_size = 0;
        std::vector<WSABUF> buffers_at_start;
        bool cancelled = false;
        bool only_by_cancel = false;
        bool result_is_fixed = false; // scripted, or completed at once with a packet to come
        std::int32_t status = 0;
        std::uint32_t count = 0;
    };
    struct simulated {
        std::deque<std::byte> incoming;
        SOCKET other = INVALID_SOCKET;
        bool ended = false;
        bool skips_packets = true;
    };

    static int WSAAPI receive(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, OVERLAPPED*,
                              LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static int WSAAPI send(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, OVERLAPPED*,
                           LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static BOOL PASCAL accept(SOCKET, SOCKET, void*, DWORD, DWORD, DWORD, DWORD*, OVERLAPPED*) noexcept;
    static BOOL PASCAL connect(SOCKET, const sockaddr*, int, void*, DWORD, DWORD*, OVERLAPPED*) noexcept;
    static BOOL WINAPI cancel(HANDLE, OVERLAPPED*) noexcept;

    // All under lock_.
    std::optional<std::uint32_t> submit(call submitted);
    bool chance(double share);
    bool can_end(const call& waiting) const;
    std::uint32_t move_bytes(const call& moving);
    void settle(call& ending);
    void scribble(const call& pending);
    bool look_at_pending(std::unique_lock<std::mutex>& guard);
    void check(const call& submitted);
    void offend(std::string what);

    void run() noexcept;
    void post(const call& ended);

    static inline std::atomic<adversary*> active_{nullptr};

    const habits habits_;
    iocp::io_service& service_;
    const iocp::system_calls table_;

    mutable std::mutex lock_;
    std::condition_variable changed_;
    std::mt19937 random_;
    bool ending_ = false;
    std::vector<call> pending_;
    std::map<SOCKET, simulated> sockets_;
    std::map<kind, std::deque<scripted_end>> scripts_;
    std::map<kind, std::size_t> calls_;
    std::size_t buffers_of_last_call_ = 0;
    std::uint64_t cancellations_ = 0;
    std::vector<std::string> offences_;
    std::thread thread_;
};

} // namespace moor::test
