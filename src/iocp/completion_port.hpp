// The completion port: the only place where a worker sleeps, and where everything that wakes it arrives.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <system_error>

#include "win/handle.hpp"
#include "win/socket.hpp"
#include "win/windows.hpp"

namespace moor::iocp {

/// Packets taken from the port in one call.
inline constexpr std::size_t packets_per_batch = 64;

using packet_batch = std::array<OVERLAPPED_ENTRY, packets_per_batch>;

class completion_port {
public:
    /// What a packet is about. Any other key on the port is foreign.
    enum class key : ULONG_PTR {
        operation = 0x6d6f6f72'6f700001, // an operation's OVERLAPPED
        wake = 0x6d6f6f72'77616b65,      // a sleeping worker shall look for work
    };

    /// For `workers` threads. Throws std::system_error.
    explicit completion_port(unsigned workers);

    /// Binds a socket's completions to this port and, where the providers allow it, makes successes at once post no
    /// packet.
    [[nodiscard]] std::error_code associate(win::unique_socket& socket) const noexcept;

    /// The same for any other handle opened for overlapped I/O; `skips` says afterwards whether successes post no
    /// packet. Only disk files skip, whose calls end at once most of the time. Windows skips the packet of each status
    /// that is no error (FILE_OBJECT, Microsoft Learn), so warnings of pipes and devices could skip as well; what keeps
    /// them from it is that no test here runs on Windows.
    [[nodiscard]] std::error_code associate(HANDLE handle, bool& skips) const noexcept;

    /// Takes as many packets as there are and `batch` has room for; waits `timeout` for the first one (0: none,
    /// INFINITE: for ever; milliseconds). Empty when the time is over, and also when an asynchronous procedure call
    /// (wake of a certain worker) came: the wait is alertable, and such calls have run when this returns.
    [[nodiscard]] std::span<OVERLAPPED_ENTRY> dequeue(std::span<OVERLAPPED_ENTRY> batch, DWORD timeout) const noexcept;

    /// Wakes one thread that sleeps in dequeue, the next one otherwise.
    void post_wake() const noexcept;

    /// The port's handle, for what stands in for the system in tests and benchmarks and posts packets of its own.
    [[nodiscard]] HANDLE native_handle() const noexcept { return port_.get(); }

private:
    win::unique_handle port_;
};

} // namespace moor::iocp
