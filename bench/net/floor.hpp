// The floor: what the system itself costs. A TCP echo, servers and clients in one thread, as a loop around one
// completion port with a state machine for each end of a connection (floor_loop.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/floor_loop.hpp"

namespace moor::bench {

/// System calls, by kind.
struct call_counts {
    std::uint64_t receives = 0;
    std::uint64_t sends = 0;
    std::uint64_t dequeues = 0;
};

/// That many connections over the loopback interface, both ends of each. One thread uses it.
class echo_floor {
public:
    /// Throws std::system_error when the system refuses something; so does run().
    echo_floor(std::size_t connections, std::size_t message_size, std::uint64_t in_flight = 1);

    /// Every client sends its message so many times, with in_flight of them on the way, and waits until all have come
    /// back. Throws std::runtime_error when something else comes back, or nothing.
    void run(std::uint64_t messages);

    [[nodiscard]] const call_counts& counts() const noexcept { return counts_; }

private:
    class end;
    class server;
    class client;

    floor_loop loop_;
    std::vector<client*> clients_;
    std::size_t clients_running_ = 0;
    call_counts counts_;
};

} // namespace moor::bench
