// One round of the soak: all its parts at once, in the runtime that lives through all rounds and in one of the round's
// own, under an adversary.
#pragma once

#include <moor/runtime.hpp>

#include "soak/soak_round.hpp"

namespace moor::test {

/// From a plain thread. Everything that it starts has ended when it returns.
void run_round_parts(runtime& long_lived, soak_round& round);

} // namespace moor::test
