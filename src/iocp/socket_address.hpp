// Endpoints as Winsock wants them, and back.
#pragma once

#include <moor/endpoint.hpp>

#include "win/windows.hpp"

namespace moor::iocp {

/// Winsock's name of an address family.
[[nodiscard]] constexpr int native_family(address_family family) noexcept {
    return family == address_family::ipv4 ? AF_INET : AF_INET6;
}

/// Writes `from` into `into`; returns how many bytes of it count.
int to_sockaddr(const endpoint& from, sockaddr_storage& into) noexcept;

/// 0.0.0.0:0 for a family other than the two.
[[nodiscard]] endpoint from_sockaddr(const sockaddr_storage& from) noexcept;

} // namespace moor::iocp
