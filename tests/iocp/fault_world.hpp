// What the fault tests look at after each fault: connections and datagram sockets of the system that must go on
// working, and counts that must be what they were.
#pragma once

#include <cstdint>
#include <string>

#include <moor/runtime.hpp>
#include <moor/tcp.hpp>
#include <moor/udp.hpp>

#include "support/tcp_pair.hpp"

namespace moor::test {

/// Made and destroyed by a coroutine of `running`.
struct fault_world {
    explicit fault_world(runtime& running);

    /// A transfer each way on the connection and one of a datagram; fails the test when they do not arrive.
    void expect_to_work(const std::string& after);

    /// Remembers what is in use now; expect_nothing_leaked fails the test when it is more later.
    void count();
    void expect_nothing_leaked(const std::string& after);

    runtime& running;
    tcp_listener listener;
    tcp_pair pair;
    udp_socket one;
    udp_socket other;

private:
    std::uint64_t operations_ = 0;
    std::uint64_t coroutines_ = 0;
    long sockets_ = 0;
};

} // namespace moor::test
