// moor as a peer of others. One program for each kind of stack (MOOR_PEER_MOVABLE), so that both are seen beside the
// others; every other setting is what a user gets without asking. The coroutine that a job's own loop runs on always
// has a reserved stack: what coroutines on movable stacks refer to lies there, in place.
#pragma once

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

inline constexpr bool on_movable_stacks = MOOR_PEER_MOVABLE != 0;

/// How the coroutines of every job are spawned.
inline spawn_options coroutine_options() {
    spawn_options options;
    options.stack = on_movable_stacks ? stack_kind::movable : stack_kind::reserved;
    return options;
}

/// What each job runs in. One for the whole process; its workers are the threads that the program may use.
class moor_peer {
public:
    explicit moor_peer(unsigned threads) : runtime_(options_for(threads)) {}

    /// Switching and synchronisation.
    figures yield(const request& asked);
    figures ring(const request& asked);
    figures spawn(const request& asked);
    figures fan_out(const request& asked);
    figures channel(const request& asked);
    figures mutex(const request& asked);
    /// Stacks and memory.
    figures park(const request& asked);
    figures descend(const request& asked);
    figures grow(const request& asked);
    /// The network.
    figures echo(const request& asked);
    figures accept(const request& asked);
    figures connect(const request& asked);
    figures udp_echo(const request& asked);
    /// Time.
    figures timers(const request& asked);
    figures timer_delay(const request& asked);

private:
    static runtime_options options_for(unsigned threads) {
        runtime_options options;
        options.workers = threads;
        return options;
    }

    runtime runtime_;
};

} // namespace moor::bench::peers
