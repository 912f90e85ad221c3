// Boost.Asio as a peer, with a completion handler for each step: no coroutines, so only the network and timers. The
// handlers' memory is what Asio itself keeps for reuse on each thread. Objects outlive their operations, so no handler
// needs to hold a shared_ptr.
#pragma once

#include "peers/support/peer.hpp"

namespace moor::bench::peers {

class callbacks_peer {
public:
    explicit callbacks_peer(unsigned threads) noexcept : threads_(threads) {}

    figures echo(const request& asked) const;
    figures accept(const request& asked) const;
    figures connect(const request& asked) const;
    figures udp_echo(const request& asked) const;
    figures timers(const request& asked) const;

private:
    unsigned threads_;
};

} // namespace moor::bench::peers
