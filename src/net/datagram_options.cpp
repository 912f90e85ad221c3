// A socket of both families gets each receiving option for both. Where the system does not know an option for ECN
// marks, the older one for the whole field takes its place.
#include "net/datagram_options.hpp"

#include <cstring>

#include "net/set_option.hpp"
#include "win/error.hpp"

namespace moor::net {
namespace {

// Congestion marks by name, of either family; newer than some headers (WSASetRecvIPEcn).
constexpr int receive_ecn = 50;
// The whole field that holds the mark. For systems that do not know the option above.
constexpr int receive_type_of_service = 40;
constexpr int receive_traffic_class = 40;

std::error_code set_for_each(const win::unique_socket& socket, datagram_families families, int ipv4_option,
                             int ipv6_option, DWORD value) noexcept {
    std::error_code error;
    if (families.own == address_family::ipv6) {
        error = set_option(socket, IPPROTO_IPV6, ipv6_option, value);
    }
    if (!error && (families.own == address_family::ipv4 || families.dual_stack)) {
        error = set_option(socket, IPPROTO_IP, ipv4_option, value);
    }
    return error;
}

std::error_code set_for_own(const win::unique_socket& socket, datagram_families families, int ipv4_option,
                            int ipv6_option, DWORD value) noexcept {
    return set_for_each(socket, {families.own, false}, ipv4_option, ipv6_option, value);
}

// An interface as IPv4's options want it: by address, or by an index that looks like an address of 0.0.0.0/8.
std::error_code to_ipv4(const local_interface& from, in_addr& into) noexcept {
    into.s_addr = ::htonl(from.index);
    if (from.address) {
        if (from.address->family() != address_family::ipv4 || from.index != 0) {
            return win::to_error(win::misuse::interface_of_another_family);
        }
        std::memcpy(&into, from.address->address_bytes().data(), sizeof into);
    } else if (from.index > 0x00ffffff) {
        return win::to_error(win::misuse::interface_of_another_family);
    }
    return {};
}

std::error_code change_membership(const win::unique_socket& socket, datagram_families families, const endpoint& group,
                                  const local_interface& on, int ipv4_option, int ipv6_option) noexcept {
    if (group.family() != families.own) {
        return win::to_error(win::misuse::group_of_another_family);
    }
    if (families.own == address_family::ipv4) {
        ip_mreq request{};
        std::memcpy(&request.imr_multiaddr, group.address_bytes().data(), sizeof request.imr_multiaddr);
        const std::error_code error = to_ipv4(on, request.imr_interface);
        return error ? error : set_option(socket, IPPROTO_IP, ipv4_option, request);
    }
    if (on.address) {
        return win::to_error(win::misuse::interface_of_another_family);
    }
    ipv6_mreq request{};
    std::memcpy(&request.ipv6mr_multiaddr, group.address_bytes().data(), sizeof request.ipv6mr_multiaddr);
    request.ipv6mr_interface = on.index != 0 ? on.index : group.scope();
    return set_option(socket, IPPROTO_IPV6, ipv6_option, request);
}

} // namespace

std::error_code report_destination(const win::unique_socket& socket, datagram_families families, bool on) noexcept {
    return set_for_each(socket, families, IP_PKTINFO, IPV6_PKTINFO, on);
}

std::error_code report_hop_limit(const win::unique_socket& socket, datagram_families families, bool on) noexcept {
    return set_for_each(socket, families, IP_HOPLIMIT, IPV6_HOPLIMIT, on);
}

std::error_code report_ecn(const win::unique_socket& socket, datagram_families families, bool on) noexcept {
    const std::error_code error = set_for_each(socket, families, receive_ecn, receive_ecn, on);
    return error ? set_for_each(socket, families, receive_type_of_service, receive_traffic_class, on) : error;
}

std::error_code set_hop_limit(const win::unique_socket& socket, datagram_families families,
                              std::uint8_t hops) noexcept {
    return set_for_own(socket, families, IP_TTL, IPV6_UNICAST_HOPS, hops);
}

std::error_code join_group(const win::unique_socket& socket, datagram_families families, const endpoint& group,
                           const local_interface& on) noexcept {
    return change_membership(socket, families, group, on, IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP);
}

std::error_code leave_group(const win::unique_socket& socket, datagram_families families, const endpoint& group,
                            const local_interface& on) noexcept {
    return change_membership(socket, families, group, on, IP_DROP_MEMBERSHIP, IPV6_DROP_MEMBERSHIP);
}

std::error_code set_multicast_interface(const win::unique_socket& socket, datagram_families families,
                                        const local_interface& by) noexcept {
    if (families.own == address_family::ipv6) {
        return by.address ? win::to_error(win::misuse::interface_of_another_family)
                          : set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, DWORD{by.index});
    }
    in_addr address{};
    const std::error_code error = to_ipv4(by, address);
    return error ? error : set_option(socket, IPPROTO_IP, IP_MULTICAST_IF, address);
}

std::error_code set_multicast_hop_limit(const win::unique_socket& socket, datagram_families families,
                                        std::uint8_t hops) noexcept {
    return set_for_own(socket, families, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, hops);
}

std::error_code set_multicast_loop(const win::unique_socket& socket, datagram_families families, bool on) noexcept {
    return set_for_own(socket, families, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on);
}

} // namespace moor::net
