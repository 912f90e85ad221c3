// The load of the original report: relay sessions beside senders and receivers of datagrams, on stacks that move, while
// preemption interrupts what it can.
#pragma once

#include <chrono>
#include <cstdint>

#include <moor/debug.hpp>
#include <moor/spawn.hpp>

#include "torture/datagram_pair.hpp"

namespace moor::test {

struct load_plan {
    debug_switches switches{};
    stack_kind stack = stack_kind::movable;
    receive_variant variant = receive_variant::library;
    std::chrono::milliseconds length{300};
    /// Each single call's limit.
    std::chrono::milliseconds patience{30'000};
    /// The load goes on until it has seen so many preemptions.
    std::uint64_t preemptions = 0;
    unsigned workers = 2;
    unsigned sessions = 6;
    unsigned datagram_pairs = 4;
};

struct load_result {
    std::uint64_t records = 0;
    std::uint64_t frames = 0;    ///< received
    std::uint64_t datagrams = 0; ///< received
    std::uint64_t lost = 0;
    std::uint64_t corrupted = 0;
    std::uint64_t late_writes = 0; ///< planted words that changed
    std::uint64_t high_halves = 0; ///< those of which the upper half alone did
    std::uint64_t example = 0;     ///< one of the latter
    std::uint64_t moves = 0;
    std::uint64_t fewest_copies = 0; ///< of a session's stack
    std::uint64_t preemptions = 0;
    std::uint64_t operations = 0;        ///< completion packets
    std::uint64_t operations_in_use = 0; ///< when all had ended
};

/// The load in the calling coroutine's runtime, from its sockets to its end: of `plan` the stack, the variant and how
/// many. Throws what a coroutine of it throws.
void run_sessions(const load_plan& plan, load_state& state);

/// What a load that has ended did, without what only its runtime knows.
[[nodiscard]] load_result counted(const load_state& state);

/// Runs the load in a runtime of its own. Throws what a coroutine of it throws. `state` can be looked at meanwhile.
[[nodiscard]] load_result run_load(const load_plan& plan, load_state& state);

} // namespace moor::test
