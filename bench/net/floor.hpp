// The floor: what the system itself costs. A TCP echo, servers and clients in one thread, as a loop around one
// completion port with a state machine per connection; written by hand, without the library, and with all that makes
// the library fast: no packet for what completes at once, packets dequeued 64 at a time, no allocation, no thread
// beside the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

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
    echo_floor(std::size_t connections, std::size_t message_size);
    ~echo_floor();
    echo_floor(const echo_floor&) = delete;
    echo_floor& operator=(const echo_floor&) = delete;

    /// Every client sends its message and waits until all of it has come back, so many times. Throws std::runtime_error
    /// when something else comes back.
    void run(std::uint64_t round_trips);

    [[nodiscard]] const call_counts& counts() const noexcept { return counts_; }

private:
    struct end;

    [[nodiscard]] std::unique_ptr<end> adopt(std::uintptr_t socket);
    void go_on(end& from, std::uint32_t transferred);
    [[nodiscard]] bool receive(end& at, std::size_t offset, std::uint32_t& transferred);
    [[nodiscard]] bool send(end& at, std::vector<char>& data, std::size_t size, std::uint32_t& transferred);

    const std::size_t message_size_;
    void* port_ = nullptr;
    std::vector<std::unique_ptr<end>> servers_;
    std::vector<std::unique_ptr<end>> clients_;
    std::size_t clients_running_ = 0;
    call_counts counts_;
};

} // namespace moor::bench
