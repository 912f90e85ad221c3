// Boost.Asio as a peer, with stackful coroutines: asio::spawn on Boost.Context (its fcontext switch). A coroutine calls
// an operation with its yield_context and goes on when that is done.
//
// Stacks come from pooled_fixedsize_stack, which Boost.Context has for coroutines that are started and end all the
// time: faster than the fixedsize_stack that spawn takes by itself. They are as large as Boost.Context has them by
// default, unless a job says why not. A pool is used by one thread at a time; jobs whose coroutines may start or end on
// any of several threads take a fixedsize_stack, from malloc, instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/spawn.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>

#include "peers/boost/asio/compute_pool.hpp"
#include "peers/boost/asio/event_loops.hpp"
#include "peers/support/peer.hpp"

namespace moor::bench::peers {

using compute_yield = asio::basic_yield_context<compute_pool::executor>;
using network_yield = asio::basic_yield_context<loop_executor>;

class spawn_peer {
public:
    explicit spawn_peer(unsigned threads) noexcept : threads_(threads) {}

    /// Switching and synchronisation.
    figures yield(const request& asked) const;
    figures ring(const request& asked) const;
    figures spawn(const request& asked) const;
    figures fan_out(const request& asked) const;
    figures channel(const request& asked) const;
    figures mutex(const request& asked) const;
    /// Stacks.
    figures park(const request& asked) const;
    figures descend(const request& asked) const;
    /// The network.
    figures echo(const request& asked) const;
    figures accept(const request& asked) const;
    figures connect(const request& asked) const;
    figures udp_echo(const request& asked) const;

private:
    unsigned threads_;
};

} // namespace moor::bench::peers
