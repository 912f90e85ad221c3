// The jobs of libuv as a peer.
#pragma once

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

[[nodiscard]] figures libuv_timers(const request& asked);
/// One loop for each thread, with its share of the connections.
[[nodiscard]] figures libuv_echo(const request& asked, unsigned threads);
[[nodiscard]] figures libuv_accept(const request& asked);
[[nodiscard]] figures libuv_connect(const request& asked);
[[nodiscard]] figures libuv_udp_echo(const request& asked);

} // namespace moor::bench::peers
