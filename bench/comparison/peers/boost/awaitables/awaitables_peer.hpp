// Boost.Asio as a peer, with C++20 coroutines: awaitable functions, started with co_spawn. Operations take the token
// `deferred`, which is Asio's default for co_await: nothing is wrapped in an awaitable of its own, and servers that
// expect the end of a stream ask for a tuple instead of an exception. The executor's type is known at compile time.
//
// A coroutine that only calls another one would await it; where a job asks for a coroutine that is started and ends by
// itself, that is co_spawn. To yield is to post oneself.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "peers/boost/asio/compute_pool.hpp"
#include "peers/boost/asio/event_loops.hpp"
#include "peers/support/peer.hpp"

namespace moor::bench::peers {

using compute_task = asio::awaitable<void, compute_pool::executor>;
using network_task = asio::awaitable<void, loop_executor>;

class awaitables_peer {
public:
    explicit awaitables_peer(unsigned threads) noexcept : threads_(threads) {}

    /// Switching and synchronisation.
    figures yield(const request& asked) const;
    figures ring(const request& asked) const;
    figures spawn(const request& asked) const;
    figures fan_out(const request& asked) const;
    figures channel(const request& asked) const;
    figures mutex(const request& asked) const;
    figures park(const request& asked) const;
    /// The network.
    figures echo(const request& asked) const;
    figures accept(const request& asked) const;
    figures connect(const request& asked) const;
    figures udp_echo(const request& asked) const;

private:
    unsigned threads_;
};

} // namespace moor::bench::peers
