// Free of Windows, so that its tests also run on the host under sanitizers. The grammar is that of RFC 4291 section 2.2
// for reading and RFC 5952 for writing; names are never resolved.
#include <moor/endpoint.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <moor/stack.hpp>

#include "win/error.hpp"

namespace moor {
namespace {

using ipv4_bytes = std::array<std::uint8_t, 4>;
using ipv6_bytes = std::array<std::uint8_t, 16>;

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// The whole of `text` as a number; no sign, no blanks, at most `longest` characters.
template <class Number>
std::optional<Number> parse_number(std::string_view text, std::size_t longest, int base = 10) noexcept {
    if (text.empty() || text.size() > longest) {
        return std::nullopt;
    }
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

// Four decimal numbers. A leading zero is refused: some readers take such a number for octal.
std::optional<ipv4_bytes> parse_ipv4(std::string_view text) noexcept {
    ipv4_bytes bytes{};
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        const bool last = index + 1 == bytes.size();
        const std::size_t end = last ? text.size() : text.find('.');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view part = text.substr(0, end);
        const auto value = parse_number<std::uint8_t>(part, 3);
        if (!value || (part.size() > 1 && part.front() == '0')) {
            return std::nullopt;
        }
        bytes[index] = *value;
        text.remove_prefix(last ? end : end + 1);
    }
    return bytes;
}

// Groups of one side of the "::" (or of the whole), written to `out`; returns how many bytes, empty when malformed. A
// dotted IPv4 address may stand at the end.
std::optional<std::size_t> parse_groups(std::string_view text, std::span<std::uint8_t> out,
                                        bool may_end_dotted) noexcept {
    std::size_t used = 0;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view part = text.substr(0, colon);
        const bool last = colon == std::string_view::npos;
        if (last && may_end_dotted && part.find('.') != std::string_view::npos) {
            const auto dotted = parse_ipv4(part);
            if (!dotted || out.size() - used < dotted->size()) {
                return std::nullopt;
            }
            std::copy(dotted->begin(), dotted->end(), out.subspan(used).begin());
            return used + dotted->size();
        }
        const auto group = parse_number<std::uint16_t>(part, 4, 16);
        if (!group || out.size() - used < 2) {
            return std::nullopt;
        }
        out[used++] = static_cast<std::uint8_t>(*group >> 8);
        out[used++] = static_cast<std::uint8_t>(*group & 0xff);
        if (last) {
            return used;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {
            return std::nullopt; // a colon at the end
        }
    }
    return used;
}

std::optional<ipv6_bytes> parse_ipv6(std::string_view text) noexcept {
    ipv6_bytes bytes{};
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        const auto used = parse_groups(text, bytes, true);
        return used == bytes.size() ? std::optional(bytes) : std::nullopt;
    }
    ipv6_bytes tail{};
    const auto before = parse_groups(text.substr(0, gap), bytes, false);
    const auto after = parse_groups(text.substr(gap + 2), tail, true);
    // The gap stands for at least one group.
    if (!before || !after || *before + *after > bytes.size() - 2) {
        return std::nullopt;
    }
    std::copy_n(tail.begin(), *after, bytes.end() - static_cast<std::ptrdiff_t>(*after));
    return bytes;
}

std::optional<endpoint> parse_address(std::string_view address, std::uint16_t port) noexcept {
    if (const auto ipv4 = parse_ipv4(address)) {
        return endpoint::from_ipv4(*ipv4, port);
    }
    std::uint32_t scope = 0;
    if (const std::size_t percent = address.find('%'); percent != std::string_view::npos) {
        const auto number = parse_number<std::uint32_t>(address.substr(percent + 1), 10);
        if (!number) {
            return std::nullopt;
        }
        scope = *number;
        address = address.substr(0, percent);
    }
    if (const auto ipv6 = parse_ipv6(address)) {
        return endpoint::from_ipv6(*ipv6, port, scope);
    }
    return std::nullopt;
}

std::optional<endpoint> parse_endpoint(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1), 5);
    std::string_view address = text.substr(0, colon);
    const bool bracketed = address.size() >= 2 && address.front() == '[' && address.back() == ']';
    if (bracketed) {
        address = address.substr(1, address.size() - 2);
    }
    if (!port) {
        return std::nullopt;
    }
    const auto parsed = parse_address(address, *port);
    // Brackets are for IPv6 and only for it: without them the port could be part of the address.
    if (!parsed || bracketed != (parsed->family() == address_family::ipv6)) {
        return std::nullopt;
    }
    return parsed;
}

std::uint16_t group_at(const ipv6_bytes& bytes, std::size_t index) noexcept {
    return static_cast<std::uint16_t>(bytes[2 * index] << 8 | bytes[2 * index + 1]);
}

// Of the first four bytes.
std::string ipv4_text(const ipv6_bytes& bytes) {
    return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::string ipv6_text(const ipv6_bytes& bytes) {
    constexpr std::size_t groups = 8;
    // RFC 5952: the first longest run of at least two zero groups becomes "::".
    std::size_t gap = groups;
    std::size_t gap_length = 1;
    for (std::size_t first = 0; first < groups; ++first) {
        std::size_t length = 0;
        while (first + length < groups && group_at(bytes, first + length) == 0) {
            ++length;
        }
        if (length > gap_length) {
            gap = first;
            gap_length = length;
        }
    }
    std::string text;
    for (std::size_t index = 0; index < groups;) {
        if (index == gap) {
            text += "::";
            index += gap_length;
            continue;
        }
        if (!text.empty() && text.back() != ':') {
            text += ':';
        }
        fmt::format_to(std::back_inserter(text), "{:x}", group_at(bytes, index));
        ++index;
    }
    return text;
}

std::system_error no_endpoint(std::string_view text) {
    const std::string message =
        on_system_stack([text] { return fmt::format("moor: \"{}\" is not an endpoint", text); });
    return std::system_error(win::to_error(std::errc::invalid_argument), message);
}

// The exception is a value, so that nothing is left to destroy when it is thrown (net/throwing.hpp).
[[noreturn]] void refuse(std::string_view text) { throw no_endpoint(text); }

} // namespace

endpoint::endpoint(std::string_view address, std::uint16_t port) {
    const auto parsed = parse_address(address, port);
    if (!parsed) {
        refuse(address);
    }
    *this = *parsed;
}

endpoint endpoint::parse(std::string_view text) {
    const auto parsed = parse_endpoint(text);
    if (!parsed) {
        refuse(text);
    }
    return *parsed;
}

endpoint endpoint::parse(std::string_view text, std::error_code& error) noexcept {
    const auto parsed = parse_endpoint(text);
    error = parsed ? std::error_code{} : win::to_error(std::errc::invalid_argument);
    return parsed.value_or(endpoint{});
}

endpoint endpoint::any(address_family family, std::uint16_t port) noexcept {
    return family == address_family::ipv4 ? from_ipv4({}, port) : from_ipv6({}, port);
}

endpoint endpoint::loopback(address_family family, std::uint16_t port) noexcept {
    ipv6_bytes one{};
    one.back() = 1;
    return family == address_family::ipv4 ? from_ipv4({127, 0, 0, 1}, port) : from_ipv6(one, port);
}

endpoint endpoint::from_ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept {
    endpoint made;
    std::copy(address.begin(), address.end(), made.address_.begin());
    made.port_ = port;
    return made;
}

endpoint endpoint::from_ipv6(std::array<std::uint8_t, 16> address, std::uint16_t port, std::uint32_t scope) noexcept {
    endpoint made;
    made.address_ = address;
    made.port_ = port;
    made.scope_ = scope;
    made.family_ = address_family::ipv6;
    return made;
}

bool endpoint::is_loopback() const noexcept {
    const endpoint plain = unmapped();
    return plain.family_ == address_family::ipv4 ? plain.address_[0] == 127
                                                 : address_ == loopback(address_family::ipv6, 0).address_;
}

bool endpoint::is_any() const noexcept { return unmapped().address_ == ipv6_bytes{}; }

bool endpoint::is_mapped() const noexcept {
    return family_ == address_family::ipv6 && std::equal(mapped_prefix.begin(), mapped_prefix.end(), address_.begin());
}

endpoint endpoint::mapped() const noexcept {
    if (family_ == address_family::ipv6) {
        return *this;
    }
    ipv6_bytes bytes{};
    const auto end = std::copy(mapped_prefix.begin(), mapped_prefix.end(), bytes.begin());
    std::copy_n(address_.begin(), ipv4_bytes().size(), end);
    return from_ipv6(bytes, port_);
}

endpoint endpoint::unmapped() const noexcept {
    if (!is_mapped()) {
        return *this;
    }
    ipv4_bytes bytes{};
    std::copy_n(address_.begin() + mapped_prefix.size(), bytes.size(), bytes.begin());
    return from_ipv4(bytes, port_);
}

// Formatting needs more stack than a movable one may have left.
std::string endpoint::to_string() const {
    return on_system_stack([this] {
        if (family_ == address_family::ipv4) {
            return fmt::format("{}:{}", ipv4_text(address_), port_);
        }
        const std::string address = is_mapped() ? "::ffff:" + ipv4_text(unmapped().address_) : ipv6_text(address_);
        const std::string scope = scope_ != 0 ? fmt::format("%{}", scope_) : std::string();
        return fmt::format("[{}{}]:{}", address, scope, port_);
    });
}

} // namespace moor
