// The rules of the wire format: which lengths each type may have, and how the fields lie in the payload.
#include "frame_codec.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace frame_relay {
namespace {

constexpr std::array<std::byte, 4> magic{std::byte{'M'}, std::byte{'O'}, std::byte{'O'}, std::byte{'R'}};
constexpr std::size_t client_hello_size = magic.size() + 1 + key_size;
constexpr std::size_t server_hello_size = 1 + 4 + 4;

template <std::size_t Size>
void put_big_endian(std::byte* to, std::uint64_t value) noexcept {
    for (std::size_t i = Size; i-- > 0; value >>= 8) {
        to[i] = static_cast<std::byte>(value & 0xff);
    }
}

template <std::size_t Size>
std::uint64_t get_big_endian(const std::byte* from) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < Size; ++i) {
        value = value << 8 | static_cast<std::uint64_t>(from[i]);
    }
    return value;
}

/// Lengths that a payload may have by its type alone.
struct length_range {
    std::size_t least;
    std::size_t most;
};

constexpr length_range lengths_of(frame_type type) noexcept {
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    switch (type) {
    case frame_type::client_hello: return {client_hello_size, client_hello_size};
    case frame_type::server_hello: return {server_hello_size, server_hello_size};
    case frame_type::send:
    case frame_type::receive: return {key_size, any};
    case frame_type::ping:
    case frame_type::pong: return {token_size, token_size};
    case frame_type::peer_gone: return {key_size, key_size};
    case frame_type::closing: return {1, 1};
    }
    return {0, 0};
}

frame make(frame_type type, std::size_t payload_length) {
    return frame({.type = type, .payload_length = static_cast<std::uint32_t>(payload_length)});
}

} // namespace

std::string short_name(const client_key& key) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name;
    for (std::size_t i = 0; i < 4; ++i) {
        name += digits[std::to_integer<std::size_t>(key[i]) >> 4];
        name += digits[std::to_integer<std::size_t>(key[i]) & 15];
    }
    return name;
}

std::string_view to_string(codec_error error) noexcept {
    switch (error) {
    case codec_error::none: return "no error";
    case codec_error::unexpected_type: return "unexpected frame type";
    case codec_error::payload_too_short: return "payload too short";
    case codec_error::payload_too_long: return "payload too long";
    case codec_error::bad_magic: return "not a hello of this protocol";
    case codec_error::bad_version: return "unknown protocol version";
    }
    return "unknown error";
}

std::array<std::byte, header_size> encode(const frame_header& header) noexcept {
    std::array<std::byte, header_size> bytes{};
    bytes[0] = static_cast<std::byte>(header.type);
    put_big_endian<4>(&bytes[1], header.payload_length);
    return bytes;
}

frame_header decode(std::span<const std::byte, header_size> bytes) noexcept {
    return {.type = static_cast<frame_type>(bytes[0]),
            .payload_length = static_cast<std::uint32_t>(get_big_endian<4>(&bytes[1]))};
}

codec_error check(const frame_header& header, frame_set accepted, std::uint32_t max_payload) noexcept {
    if (!accepted.contains(header.type)) {
        return codec_error::unexpected_type;
    }
    const length_range lengths = lengths_of(header.type);
    if (header.payload_length < lengths.least) {
        return codec_error::payload_too_short;
    }
    if (header.payload_length > lengths.most || header.payload_length > max_payload) {
        return codec_error::payload_too_long;
    }
    return codec_error::none;
}

frame::frame(const frame_header& header)
    : bytes_(std::make_unique_for_overwrite<std::byte[]>(header_size + header.payload_length)),
      payload_length_(header.payload_length) {
    std::ranges::copy(encode(header), bytes_.get());
}

client_key frame::key() const noexcept {
    client_key key;
    std::ranges::copy(payload().first<key_size>(), key.begin());
    return key;
}

void frame::set_key(const client_key& key) noexcept { std::ranges::copy(key, payload().begin()); }

frame make_client_hello(const client_key& key) {
    frame made = make(frame_type::client_hello, client_hello_size);
    const std::span<std::byte> payload = made.payload();
    std::ranges::copy(magic, payload.begin());
    payload[magic.size()] = std::byte{protocol_version};
    std::ranges::copy(key, payload.begin() + magic.size() + 1);
    return made;
}

frame make_server_hello(std::uint32_t max_payload, std::uint32_t keep_alive_seconds) {
    frame made = make(frame_type::server_hello, server_hello_size);
    const std::span<std::byte> payload = made.payload();
    payload[0] = std::byte{protocol_version};
    put_big_endian<4>(&payload[1], max_payload);
    put_big_endian<4>(&payload[5], keep_alive_seconds);
    return made;
}

frame make_send(const client_key& destination, std::size_t data_size) {
    frame made = make(frame_type::send, key_size + data_size);
    made.set_key(destination);
    return made;
}

frame make_ping(std::uint64_t token) {
    frame made = make(frame_type::ping, token_size);
    put_big_endian<token_size>(made.payload().data(), token);
    return made;
}

frame make_peer_gone(const client_key& key) {
    frame made = make(frame_type::peer_gone, key_size);
    made.set_key(key);
    return made;
}

frame make_closing(closing_reason reason) {
    frame made = make(frame_type::closing, 1);
    made.payload()[0] = static_cast<std::byte>(reason);
    return made;
}

codec_error read_client_hello(const frame& hello, client_key& key) noexcept {
    const std::span<const std::byte> payload = hello.payload();
    if (!std::ranges::equal(payload.first<magic.size()>(), magic)) {
        return codec_error::bad_magic;
    }
    if (payload[magic.size()] != std::byte{protocol_version}) {
        return codec_error::bad_version;
    }
    std::ranges::copy(payload.last<key_size>(), key.begin());
    return codec_error::none;
}

codec_error read_server_hello(const frame& hello, server_greeting& greeting) noexcept {
    const std::span<const std::byte> payload = hello.payload();
    if (payload[0] != std::byte{protocol_version}) {
        return codec_error::bad_version;
    }
    greeting.max_payload = static_cast<std::uint32_t>(get_big_endian<4>(&payload[1]));
    greeting.keep_alive_seconds = static_cast<std::uint32_t>(get_big_endian<4>(&payload[5]));
    return codec_error::none;
}

std::uint64_t read_token(const frame& ping) noexcept { return get_big_endian<token_size>(ping.payload().data()); }

closing_reason read_closing(const frame& closing) noexcept { return static_cast<closing_reason>(closing.payload()[0]); }

frame frame_decoder::next(std::span<const std::byte>& input, codec_error& error) {
    error = codec_error::none;
    if (!frame_) {
        const std::size_t taken = std::min(input.size(), header_size - header_have_);
        std::ranges::copy(input.first(taken), header_.begin() + static_cast<std::ptrdiff_t>(header_have_));
        header_have_ += taken;
        input = input.subspan(taken);
        if (header_have_ < header_size) {
            return {};
        }
        const frame_header header = decode(header_);
        error = check(header, accepted_, max_payload_);
        if (error != codec_error::none) {
            return {};
        }
        frame_ = frame(header);
    }
    const std::span<std::byte> missing = unfilled();
    const std::size_t taken = std::min(input.size(), missing.size());
    std::ranges::copy(input.first(taken), missing.begin());
    have_ += taken;
    input = input.subspan(taken);
    if (taken < missing.size()) {
        return {};
    }
    header_have_ = 0;
    have_ = 0;
    return std::move(frame_);
}

std::span<std::byte> frame_decoder::unfilled() noexcept {
    return frame_ ? frame_.payload().subspan(have_) : std::span<std::byte>{};
}

} // namespace frame_relay
