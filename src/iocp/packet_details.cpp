// Bytes are copied in and out of objects of their true types; the headers' macros do it by casts.
#include "iocp/packet_details.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace moor::iocp {
namespace {

constexpr std::size_t header_size = sizeof(WSACMSGHDR); // the data follows at once
constexpr std::size_t alignment = 8;                    // of each message
// Newer than some headers: congestion marks by name, of either family (WSASetRecvIPEcn).
constexpr int congestion_type = 50;

constexpr std::size_t space_for(std::size_t bytes) noexcept {
    return (header_size + bytes + alignment - 1) / alignment * alignment;
}

// All that can be asked for at a time; a dual-stack socket may get the address in both forms, and a whole type of
// service beside the mark.
static_assert(header_size % alignment == 0);
static_assert(space_for(sizeof(in_pktinfo)) + space_for(sizeof(in6_pktinfo)) + 4 * space_for(sizeof(INT)) <=
              sizeof(kernel_parameters::scratch));

std::array<std::uint8_t, 4> ipv4_bytes(const endpoint& address) noexcept {
    std::array<std::uint8_t, 4> result;
    std::copy_n(address.unmapped().address_bytes().begin(), result.size(), result.begin());
    return result;
}

// Appends control messages to the operation's block.
class writer {
public:
    explicit writer(std::span<std::byte> block) noexcept : block_(block) {}

    template <class Value>
    void add(int level, int type, const Value& value) noexcept {
        WSACMSGHDR header{};
        header.cmsg_len = header_size + sizeof value;
        header.cmsg_level = level;
        header.cmsg_type = type;
        std::memset(block_.data() + used_, 0, space_for(sizeof value));
        std::memcpy(block_.data() + used_, &header, sizeof header);
        std::memcpy(block_.data() + used_ + header_size, &value, sizeof value);
        used_ += space_for(sizeof value);
    }

    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    std::span<std::byte> block_;
    std::size_t used_ = 0;
};

// The front of a message's data as a Value; nothing when there is less.
template <class Value>
std::optional<Value> value_in(std::span<const std::byte> data) noexcept {
    if (data.size() < sizeof(Value)) {
        return std::nullopt;
    }
    Value value;
    std::memcpy(&value, data.data(), sizeof value);
    return value;
}

std::optional<std::uint8_t> byte_in(std::span<const std::byte> data) noexcept {
    const auto value = value_in<INT>(data);
    return value && *value >= 0 && *value <= 0xff ? std::optional(static_cast<std::uint8_t>(*value)) : std::nullopt;
}

std::optional<std::uint8_t> congestion_in(std::span<const std::byte> data) noexcept {
    const auto value = byte_in(data);
    return value ? std::optional(static_cast<std::uint8_t>(*value & 3)) : std::nullopt;
}

void understand_ipv4(int type, std::span<const std::byte> data, bool maps, packet_details& into) noexcept {
    switch (type) {
    case IP_PKTINFO:
        if (const auto info = value_in<in_pktinfo>(data)) {
            std::array<std::uint8_t, 4> address;
            std::memcpy(address.data(), &info->ipi_addr, address.size());
            const endpoint local = endpoint::from_ipv4(address, 0);
            into.local = maps ? local.mapped() : local;
            into.interface_index = info->ipi_ifindex;
        }
        break;
    case IP_TTL:
    case IP_HOPLIMIT: into.hop_limit = byte_in(data); break;
    case IP_TOS:
    case congestion_type: into.congestion = congestion_in(data); break;
    default: break;
    }
}

void understand_ipv6(int type, std::span<const std::byte> data, packet_details& into) noexcept {
    switch (type) {
    case IPV6_PKTINFO:
        if (const auto info = value_in<in6_pktinfo>(data)) {
            std::array<std::uint8_t, 16> address;
            std::memcpy(address.data(), &info->ipi6_addr, address.size());
            const bool of_a_link = address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
            into.local = endpoint::from_ipv6(address, 0, of_a_link ? info->ipi6_ifindex : 0);
            into.interface_index = info->ipi6_ifindex;
        }
        break;
    case IPV6_HOPLIMIT: into.hop_limit = byte_in(data); break;
    case IPV6_TCLASS:
    case congestion_type: into.congestion = congestion_in(data); break;
    default: break;
    }
}

} // namespace

void write_details(const packet_details& details, const endpoint& remote, kernel_parameters& into) noexcept {
    const bool ipv4 = remote.family() == address_family::ipv4 || remote.is_mapped();
    const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    writer block(into.scratch);
    if (details.local || details.interface_index) {
        const std::uint32_t index = details.interface_index.value_or(0);
        if (ipv4) {
            in_pktinfo info{};
            if (details.local) {
                const auto bytes = ipv4_bytes(*details.local);
                std::memcpy(&info.ipi_addr, bytes.data(), bytes.size());
            }
            info.ipi_ifindex = index;
            block.add(level, IP_PKTINFO, info);
        } else {
            in6_pktinfo info{};
            if (details.local) {
                std::memcpy(&info.ipi6_addr, details.local->address_bytes().data(), sizeof info.ipi6_addr);
            }
            info.ipi6_ifindex = index != 0 || !details.local ? index : details.local->scope();
            block.add(level, IPV6_PKTINFO, info);
        }
    }
    if (details.hop_limit) {
        block.add(level, ipv4 ? IP_TTL : IPV6_HOPLIMIT, static_cast<INT>(*details.hop_limit));
    }
    if (details.congestion) {
        block.add(level, congestion_type, static_cast<INT>(*details.congestion));
    }
    into.message.Control.len = static_cast<ULONG>(block.used());
    into.message.Control.buf = block.used() != 0 ? reinterpret_cast<char*>(into.scratch.data()) : nullptr;
}

void expect_details(kernel_parameters& into) noexcept {
    // A header of no length ends the list, should the system write neither messages nor their length.
    std::memset(into.scratch.data(), 0, header_size);
    into.message.Control.len = static_cast<ULONG>(into.scratch.size());
    into.message.Control.buf = reinterpret_cast<char*>(into.scratch.data());
}

packet_details read_details(const kernel_parameters& from) noexcept {
    packet_details details;
    const bool maps = from.address.ss_family == AF_INET6;
    auto rest = std::span<const std::byte>(from.scratch)
                    .first(std::min<std::size_t>(from.message.Control.len, from.scratch.size()));
    while (const auto header = value_in<WSACMSGHDR>(rest)) {
        if (header->cmsg_len < header_size || header->cmsg_len > rest.size()) {
            break;
        }
        const auto data = rest.first(header->cmsg_len).subspan(header_size);
        if (header->cmsg_level == IPPROTO_IP) {
            understand_ipv4(header->cmsg_type, data, maps, details);
        } else if (header->cmsg_level == IPPROTO_IPV6) {
            understand_ipv6(header->cmsg_type, data, details);
        }
        rest = rest.subspan(std::min(space_for(data.size()), rest.size()));
    }
    return details;
}

} // namespace moor::iocp
