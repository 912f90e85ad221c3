// The UDP part of the load: one datagram at a time from a sender to a receiver, which calls deeper and deeper between
// two of them.
#pragma once

#include <cstdint>

#include <moor/semaphore.hpp>
#include <moor/udp.hpp>

#include "torture/datagram_receive.hpp"
#include "torture/load_state.hpp"

namespace moor::test {

/// How the receivers of the load receive.
enum class receive_variant : unsigned char {
    library, ///< udp_socket::receive_from
    wrong,   ///< parameter_place::popped_frame
};

/// Sends one datagram for each unit of `wanted`, until the load is over, and one that says so.
void send_datagrams(udp_socket& from, const endpoint& to, semaphore& wanted, std::uint32_t stream, load_state& state);

/// Releases a unit of `wanted` for each datagram, and checks it.
void receive_datagrams(udp_socket& socket, semaphore& wanted, std::uint32_t stream, receive_variant variant,
                       load_state& state);

} // namespace moor::test
