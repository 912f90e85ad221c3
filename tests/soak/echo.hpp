// Echo over TCP and UDP in a round of the soak: every byte that comes back is looked at, while calls are stopped, run
// into their deadlines, and have their sockets closed under them.
#pragma once

#include "soak/soak_round.hpp"

namespace moor::test {

/// Servers and their clients, one generation after another until the round is over. From a coroutine.
void run_echo(soak_round& round);
void run_datagram_echo(soak_round& round);

} // namespace moor::test
