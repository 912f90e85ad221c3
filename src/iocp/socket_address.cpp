// Addresses are copied into the sockaddr_storage of an operation (law 1) and out of it.
#include "iocp/socket_address.hpp"

#include <array>
#include <cstring>

namespace moor::iocp {

// Copies through objects of the true type: sockaddr_storage is only room for them.
int to_sockaddr(const endpoint& from, sockaddr_storage& into) noexcept {
    if (from.family() == address_family::ipv4) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = ::htons(from.port());
        std::memcpy(&address.sin_addr, from.address_bytes().data(), sizeof address.sin_addr);
        std::memcpy(&into, &address, sizeof address);
        return sizeof address;
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = ::htons(from.port());
    address.sin6_scope_id = from.scope();
    std::memcpy(&address.sin6_addr, from.address_bytes().data(), sizeof address.sin6_addr);
    std::memcpy(&into, &address, sizeof address);
    return sizeof address;
}

endpoint from_sockaddr(const sockaddr_storage& from) noexcept {
    if (from.ss_family == AF_INET) {
        sockaddr_in address;
        std::memcpy(&address, &from, sizeof address);
        std::array<std::uint8_t, 4> bytes;
        std::memcpy(bytes.data(), &address.sin_addr, bytes.size());
        return endpoint::from_ipv4(bytes, ::ntohs(address.sin_port));
    }
    if (from.ss_family == AF_INET6) {
        sockaddr_in6 address;
        std::memcpy(&address, &from, sizeof address);
        std::array<std::uint8_t, 16> bytes;
        std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
        return endpoint::from_ipv6(bytes, ::ntohs(address.sin6_port), address.sin6_scope_id);
    }
    return {};
}

} // namespace moor::iocp
