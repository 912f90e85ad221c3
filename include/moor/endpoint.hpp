// Addresses of the other side: IPv4 and IPv6 endpoints as values, without any Winsock header.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace moor {

/// The kind of an address.
enum class address_family : std::uint8_t {
    ipv4, ///< 4 bytes
    ipv6, ///< 16 bytes, with a scope
};

/// An IPv4 or IPv6 address with a port. A value of 24 bytes; never names a host. Nothing here suspends.
class endpoint {
public:
    /// 0.0.0.0:0.
    endpoint() noexcept = default;

    /// A numeric address, "127.0.0.1" or "::1" (an IPv6 scope as "%4"), and a port in host order.
    /// Throws std::system_error invalid_argument for anything else.
    endpoint(std::string_view address, std::uint16_t port);

    /// "127.0.0.1:80" or "[::1]:80". Throws std::system_error invalid_argument; the other form reports it and returns
    /// 0.0.0.0:0.
    [[nodiscard]] static endpoint parse(std::string_view text);
    [[nodiscard]] static endpoint parse(std::string_view text, std::error_code& error) noexcept;

    /// Every local address of that family.
    [[nodiscard]] static endpoint any(address_family family, std::uint16_t port) noexcept;
    /// This machine only: 127.0.0.1 or ::1.
    [[nodiscard]] static endpoint loopback(address_family family, std::uint16_t port) noexcept;

    /// From its parts: the address in network order, the port in host order.
    [[nodiscard]] static endpoint from_ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept;
    /// Likewise, with the zone's number, 0 for none.
    [[nodiscard]] static endpoint from_ipv6(std::array<std::uint8_t, 16> address, std::uint16_t port,
                                            std::uint32_t scope = 0) noexcept;

    /// The address's kind; of a mapped address it is IPv6.
    [[nodiscard]] address_family family() const noexcept { return family_; }
    /// In host order.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// IPv6: the zone's number, 0 for none.
    [[nodiscard]] std::uint32_t scope() const noexcept { return scope_; }
    /// Network order; an IPv4 address is in the first 4 bytes, the rest is zero.
    [[nodiscard]] const std::array<std::uint8_t, 16>& address_bytes() const noexcept { return address_; }
    /// 127.0.0.0/8 or ::1, also ::ffff:127.0.0.0/104.
    [[nodiscard]] bool is_loopback() const noexcept;
    /// 0.0.0.0 or ::, also ::ffff:0.0.0.0.
    [[nodiscard]] bool is_any() const noexcept;

    /// Whether it is an IPv6 address that stands for an IPv4 one, ::ffff:a.b.c.d: what a socket of both families calls
    /// its IPv4 peers.
    [[nodiscard]] bool is_mapped() const noexcept;
    /// The IPv6 form of an IPv4 endpoint; any other endpoint as it is.
    [[nodiscard]] endpoint mapped() const noexcept;
    /// The IPv4 form of a mapped endpoint; any other endpoint as it is.
    [[nodiscard]] endpoint unmapped() const noexcept;

    /// As parse() reads it; a mapped address as ::ffff:a.b.c.d (RFC 5952, 5).
    [[nodiscard]] std::string to_string() const;

    /// Address, scope, port and family are the same. A mapped address differs from the IPv4 address it stands for.
    friend bool operator==(const endpoint&, const endpoint&) = default;
    /// Some order, for containers.
    friend std::strong_ordering operator<=>(const endpoint&, const endpoint&) = default;

private:
    std::array<std::uint8_t, 16> address_{};
    std::uint32_t scope_ = 0;
    std::uint16_t port_ = 0;
    address_family family_ = address_family::ipv4;
};

} // namespace moor
