// The jobs of the floor as a peer: what the system itself costs, by hand-written loops around completion ports.
#pragma once

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

/// One loop for each thread, with its share of the connections: a connection never changes its thread, and nothing is
/// locked. All threads at one port were no faster, where that needs no lock either (request and response).
[[nodiscard]] figures floor_echo(const request& asked, unsigned threads);
/// All threads at one completion port, since there is one listener.
[[nodiscard]] figures floor_accept(const request& asked, unsigned threads);
/// One thread: there is one client, which does one thing after the other.
[[nodiscard]] figures floor_connect(const request& asked);
/// All threads at one completion port, since there is one server socket.
[[nodiscard]] figures floor_udp_echo(const request& asked, unsigned threads);

} // namespace moor::bench::peers
