// A system that keeps the contract of overlapped I/O to the letter and is as unkind as the letter allows: completes
// late and in any order, transfers fewer bytes than asked, fails with every documented error, treats a cancellation as
// a mere request, reads its inputs only at the end, and scribbles over every output parameter from another thread up to
// the moment before the packet. It judges law 1 at each submission: every address but the data's is an operation's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <moor/endpoint.hpp>

#include "io/io_context.hpp"
#include "win/socket.hpp"
#include "win/system_calls.hpp"

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
    /// The status that no call of the kernel ends with, and that the adversary's WSAGetOverlappedResult names `error`.
    static constexpr std::int32_t status_named(int error) {
        return static_cast<std::int32_t>(0xe0000000u | static_cast<unsigned>(error));
    }
    static scripted_end succeeds_at_once(std::uint32_t count) { return {0, 0, false, count, false}; }
    static scripted_end succeeds_later(std::uint32_t count) { return {0, 0, true, count, false}; }
    static scripted_end succeeds_when_cancelled(std::uint32_t count) { return {0, 0, true, count, true}; }
    static scripted_end waits_for_cancellation() { return {0, 0, true, 0, true}; }
};

/// What every output parameter of a pending call is overwritten with, 32 bits at a time.
inline constexpr std::uint32_t scribble_pattern = 0xdeadd00d;

/// Replaces the system calls for its lifetime. Made and destroyed by a coroutine, whose runtime's port gets the
/// packets. Sockets that it made are simulated; calls on others go to the system unless they are scripted, or all calls
/// are the test's (habits::by_hand).
class adversary {
public:
    struct habits {
        double at_once = 0.3;     ///< share of calls that end before they return, where that is possible
        double whole = 0.3;       ///< share of transfers that are not cut short
        double patience = 0.6;    ///< share of the looks at a pending call that leave it pending
        bool skip_packets = true; ///< what the sockets of a line say about packets of immediate successes
        bool by_hand = false;     ///< calls on any socket stay pending until end_call(), cancelled or not
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

    /// A simulated datagram socket of that address. What is sent to it arrives whole, once and in order; what is sent
    /// to an address that nobody has is lost. Successes post packets, as on every datagram socket that moor opens.
    [[nodiscard]] win::unique_socket make_datagram_socket(const endpoint& address);

    /// The next call of that kind, on any socket, ends like this.
    enum class kind : unsigned {
        receive,
        send,
        accept,
        connect,
        receive_from,
        send_to,
        receive_message,
        send_message,
        disconnect,
        send_file,
        users, ///< start_users_call()
    };
    void script(kind which, const scripted_end& end);

    /// Runs `function` on the thread of the next submission, before the system takes notice of it.
    void before_submission(std::function<void(SOCKET)> function);

    /// What the start function of a user's own call does with its handle: the system has `overlapped`, a byte count in
    /// `scratch`, and the buffer that end_call() writes to. Returns the error that the start function returns.
    [[nodiscard]] std::uint32_t start_users_call(void* handle, OVERLAPPED* overlapped, std::span<std::byte> scratch,
                                                 std::span<std::byte> into) noexcept;

    /// Under habits::by_hand. Ends the pending call on that socket (the oldest one) by packet and posts the packet
    /// before it returns. A receiving call's data are bytes of 0x5a, its sender is peer(). False when there is no such
    /// call.
    bool end_call(SOCKET socket, const scripted_end& end);
    [[nodiscard]] static endpoint peer() { return {"10.9.8.7", 6543}; }

    /// Scribbles over the outputs of all pending calls, then reads all memory of the process that can be written to,
    /// and says where else than in operations and data buffers a pattern lies. No other thread may run meanwhile but
    /// the caller, which waits: so for runtimes of one worker.
    [[nodiscard]] std::vector<std::string> search_memory();

    /// Calls that are pending now, on any socket or on this one.
    [[nodiscard]] std::size_t pending() const;
    [[nodiscard]] std::size_t pending_on(SOCKET socket) const;
    /// Whether the oldest call that is pending on that socket was asked to be cancelled.
    [[nodiscard]] bool is_cancelled(SOCKET socket) const;
    /// Calls ever made of that kind.
    [[nodiscard]] std::size_t calls(kind which) const;
    [[nodiscard]] std::size_t buffers_of_last_call() const;
    [[nodiscard]] std::uint64_t cancellations() const;
    /// How often the result of a call was asked for.
    [[nodiscard]] std::uint64_t results() const;
    /// How often the outputs of a call were written to before its end.
    [[nodiscard]] std::uint64_t scribbles() const;

    /// What the contract forbids and was seen all the same; empty when all is well.
    [[nodiscard]] std::vector<std::string> offences() const;

private:
    // An address that the system was given, other than the data's.
    struct parameter {
        const char* name;
        void* address; // null when the caller left it out
        std::size_t size;
        bool written; // by the system, as late as it likes; else read by it until the completion
        std::vector<std::byte> at_start{};
    };
    struct call {
        kind what{};
        SOCKET socket = INVALID_SOCKET;
        OVERLAPPED* overlapped = nullptr;
        WSABUF* buffers = nullptr;
        DWORD buffer_count = 0;
        DWORD* transferred = nullptr;
        // Of some kinds only, else null: where results go, and the receiver of a datagram.
        DWORD* flags = nullptr;
        sockaddr* from = nullptr;
        int* from_length = nullptr;
        ULONG* control_length = nullptr;
        const sockaddr* to = nullptr;
        int to_length = 0;
        std::vector<parameter> parameters; // all of the above but the OVERLAPPED, and more

        bool cancelled = false;
        bool only_by_cancel = false;
        bool result_is_fixed = false; // scripted, or completed at once with a packet to come
        std::int32_t status = 0;
        std::uint32_t count = 0;
        endpoint sender;

        void add_input(const char* name, const void* address, std::size_t size) {
            parameters.push_back({name, const_cast<void*>(address), size, false});
        }
        void add_output(const char* name, void* address, std::size_t size) {
            parameters.push_back({name, address, size, true});
        }
        // What most kinds have.
        void add_buffers(WSABUF* array, DWORD length, DWORD* count_of_bytes);
    };
    struct datagram {
        std::vector<std::byte> data;
        endpoint sender;
    };
    struct simulated {
        std::deque<std::byte> incoming;
        SOCKET other = INVALID_SOCKET;
        bool ended = false;
        bool skips_packets = true;
        // Of a datagram socket.
        bool takes_datagrams = false;
        endpoint address;
        std::deque<datagram> datagrams;
    };

    // The table (adversary_calls.cpp).
    static int WSAAPI receive(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, OVERLAPPED*,
                              LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static int WSAAPI send(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, OVERLAPPED*,
                           LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static BOOL PASCAL accept(SOCKET, SOCKET, void*, DWORD, DWORD, DWORD, DWORD*, OVERLAPPED*) noexcept;
    static BOOL PASCAL connect(SOCKET, const sockaddr*, int, void*, DWORD, DWORD*, OVERLAPPED*) noexcept;
    static BOOL WINAPI cancel(HANDLE, OVERLAPPED*) noexcept;
    static int WSAAPI receive_from(SOCKET, WSABUF*, DWORD, DWORD*, DWORD*, sockaddr*, int*, OVERLAPPED*,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static int WSAAPI send_to(SOCKET, WSABUF*, DWORD, DWORD*, DWORD, const sockaddr*, int, OVERLAPPED*,
                              LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static int WSAAPI receive_message(SOCKET, WSAMSG*, DWORD*, OVERLAPPED*,
                                      LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static int WSAAPI send_message(SOCKET, WSAMSG*, DWORD, DWORD*, OVERLAPPED*,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE) noexcept;
    static BOOL PASCAL disconnect(SOCKET, OVERLAPPED*, DWORD, DWORD) noexcept;
    static BOOL PASCAL send_file(SOCKET, HANDLE, DWORD, DWORD, OVERLAPPED*, TRANSMIT_FILE_BUFFERS*, DWORD) noexcept;
    static BOOL WSAAPI result(SOCKET, OVERLAPPED*, DWORD*, BOOL, DWORD*) noexcept;
    [[nodiscard]] static win::system_calls make_table();
    [[nodiscard]] static call start(kind what, SOCKET socket, OVERLAPPED* overlapped);
    [[nodiscard]] std::optional<std::uint32_t> take(call submitted);

    // All under lock_, but for take().
    std::optional<std::uint32_t> submit(call submitted);
    bool chance(double share);
    void finish_call(call& ending);
    void scribble(const call& pending);
    void write_results(call& ending);
    bool look_at_pending(std::unique_lock<std::mutex>& guard);
    void check(const call& submitted);
    void offend(std::string what);

    // The simulated sockets (adversary_lines.cpp), under lock_ as well.
    simulated* find(SOCKET socket);
    bool can_end(const call& waiting);
    void transfer(call& moving);
    void transfer_bytes(call& moving);
    void receive_datagram(call& moving, simulated& here);
    void send_datagram(call& moving, const simulated& here);

    void run() noexcept;
    void look_again();
    void post(const call& ended);

    static inline std::atomic<adversary*> active_{nullptr};

    const habits habits_;
    iocp::io_service& service_;

    mutable std::mutex lock_;
    std::condition_variable changed_;
    std::mt19937 random_;
    bool ending_ = false;
    bool search_wanted_ = false;
    std::vector<std::string> found_;
    std::vector<call> pending_;
    std::map<SOCKET, simulated> sockets_;
    std::map<kind, std::deque<scripted_end>> scripts_;
    std::function<void(SOCKET)> before_submission_;
    std::map<kind, std::size_t> calls_;
    std::size_t buffers_of_last_call_ = 0;
    std::uint64_t cancellations_ = 0;
    std::uint64_t scribbles_ = 0;
    std::uint64_t results_ = 0;
    std::vector<std::string> offences_;
    std::thread thread_;
    std::optional<win::replaced_system_calls> replaced_;
};

} // namespace moor::test
