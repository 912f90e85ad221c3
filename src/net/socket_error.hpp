// One number for one event. A socket call that fails at once reports Winsock's number (10054); one that fails later
// reports the kernel's status, which comes out as a Win32 number (64, "the network name is no longer available").
#pragma once

#include <cstdint>

namespace moor::net {

/// The Winsock number for what a completion reported, as WSAGetOverlappedResult would have said it. Other numbers are
/// kept.
[[nodiscard]] std::uint32_t to_socket_error(std::uint32_t error) noexcept;

/// Whether an accepting call failed because its connection was gone before it was accepted: a matter of that peer.
[[nodiscard]] bool is_dead_connection(std::uint32_t error) noexcept;

} // namespace moor::net
