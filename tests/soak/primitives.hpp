// The primitives in a round of the soak, each with an account that must come out even whatever stops, deadlines and
// exceptions end: channels and select, locks, task groups, timers, joins and stop tokens.
#pragma once

#include "soak/soak_round.hpp"

namespace moor::test {

// Each until the round is over, from a coroutine.

/// Producers and consumers: what was sent is what was received.
void run_channels(soak_round& round);
/// Mutex, shared mutex, condition variable, semaphore and once.
void run_locks(soak_round& round);
/// Task groups whose children fail and are stopped; several joins of one coroutine; timers; a token that many wait for.
void run_groups(soak_round& round);

} // namespace moor::test
