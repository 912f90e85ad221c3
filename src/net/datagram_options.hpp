// Options that only datagram sockets have, with std::error_code for an answer. Each that a socket of both families
// needs for both is set for both.
#pragma once

#include <cstdint>
#include <system_error>

#include <moor/endpoint.hpp>
#include <moor/udp.hpp>

#include "win/socket.hpp"

namespace moor::net {

/// Which families' datagrams a socket exchanges.
struct datagram_families {
    address_family own = address_family::ipv4;
    bool dual_stack = false; ///< of an IPv6 socket
};

// Each reports the Winsock error of its call, the last one of several.

/// What control messages say of received datagrams.
[[nodiscard]] std::error_code report_destination(const win::unique_socket& socket, datagram_families families,
                                                 bool on) noexcept;
[[nodiscard]] std::error_code report_hop_limit(const win::unique_socket& socket, datagram_families families,
                                               bool on) noexcept;
[[nodiscard]] std::error_code report_ecn(const win::unique_socket& socket, datagram_families families,
                                         bool on) noexcept;

[[nodiscard]] std::error_code set_hop_limit(const win::unique_socket& socket, datagram_families families,
                                            std::uint8_t hops) noexcept;

/// invalid_argument, of moor's own, for a group or interface of the wrong family.
[[nodiscard]] std::error_code join_group(const win::unique_socket& socket, datagram_families families,
                                         const endpoint& group, const local_interface& on) noexcept;
[[nodiscard]] std::error_code leave_group(const win::unique_socket& socket, datagram_families families,
                                          const endpoint& group, const local_interface& on) noexcept;

[[nodiscard]] std::error_code set_multicast_interface(const win::unique_socket& socket, datagram_families families,
                                                      const local_interface& by) noexcept;
[[nodiscard]] std::error_code set_multicast_hop_limit(const win::unique_socket& socket, datagram_families families,
                                                      std::uint8_t hops) noexcept;
[[nodiscard]] std::error_code set_multicast_loop(const win::unique_socket& socket, datagram_families families,
                                                 bool on) noexcept;

} // namespace moor::net
