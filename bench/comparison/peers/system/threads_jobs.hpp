// The jobs of the peer "threads", by subject.
#pragma once

#include "peers/support/peer.hpp"

namespace moor::bench::peers::threads {

// threads_compute.cpp
figures yield(const request& asked);
figures ring(const request& asked);
figures spawn(const request& asked);
figures fan_out(const request& asked);
figures channel(const request& asked);
figures mutex(const request& asked);
figures timer_delay(const request& asked);

// threads_stacks.cpp
figures park(const request& asked);
figures descend(const request& asked);

// threads_network.cpp
figures echo(const request& asked);
figures accept(const request& asked);
figures connect(const request& asked);
figures udp_echo(const request& asked);

} // namespace moor::bench::peers::threads
