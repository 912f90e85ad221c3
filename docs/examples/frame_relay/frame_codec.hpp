// The relay's wire format and nothing else: no socket, no Windows, no moor, so that it can be tested on any host and
// reused by any client. Whatever a peer sends is either a whole frame within the limits or a codec_error; see README.md
// for the table of frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace frame_relay {

inline constexpr std::size_t header_size = 5; ///< one byte of type, four of payload length, big-endian
inline constexpr std::size_t key_size = 32;
inline constexpr std::size_t token_size = 8; ///< payload of ping and pong
inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::uint32_t default_max_payload = 64 * 1024;

/// What a client is known by. The relay takes it on trust; a service would demand a proof of ownership here.
using client_key = std::array<std::byte, key_size>;

/// The first four bytes in hexadecimal, for log lines.
[[nodiscard]] std::string short_name(const client_key& key);

enum class frame_type : std::uint8_t {
    client_hello = 1, ///< first frame of a client: magic, version, its key
    server_hello = 2, ///< the answer: version, largest payload, keep-alive seconds
    send = 3,         ///< client to relay: destination key, data
    receive = 4,      ///< relay to client: source key, data
    ping = 5,         ///< either way: token, to be sent back
    pong = 6,         ///< either way: the token of a ping
    peer_gone = 7,    ///< relay to client: nobody with that key is connected
    closing = 8,      ///< relay to client: why the relay ends the connection
};

enum class closing_reason : std::uint8_t {
    shutting_down = 1, ///< the relay ends; try again later
    replaced = 2,      ///< another connection announced the same key
    malformed = 3,     ///< a frame broke the protocol
    silent = 4,        ///< no frame came for too long
};

enum class codec_error : std::uint8_t {
    none,
    unexpected_type,   ///< unknown, or not allowed in this place
    payload_too_short, ///< below the minimum of its type
    payload_too_long,  ///< above the limit of its type or of the connection
    bad_magic,
    bad_version,
};

[[nodiscard]] std::string_view to_string(codec_error error) noexcept;

struct frame_header {
    frame_type type{};
    std::uint32_t payload_length = 0;

    friend bool operator==(const frame_header&, const frame_header&) = default;
};

[[nodiscard]] std::array<std::byte, header_size> encode(const frame_header& header) noexcept;
[[nodiscard]] frame_header decode(std::span<const std::byte, header_size> bytes) noexcept;

/// A set of frame types: what a connection accepts at the moment.
class frame_set {
public:
    constexpr frame_set(std::initializer_list<frame_type> types) noexcept {
        for (const frame_type type : types) {
            bits_ |= 1u << static_cast<unsigned>(type);
        }
    }
    [[nodiscard]] constexpr bool contains(frame_type type) const noexcept {
        return static_cast<unsigned>(type) < 32 && (bits_ >> static_cast<unsigned>(type) & 1u) != 0;
    }

private:
    std::uint32_t bits_ = 0;
};

inline constexpr frame_set first_from_client{frame_type::client_hello};
inline constexpr frame_set from_client{frame_type::send, frame_type::ping, frame_type::pong};
inline constexpr frame_set first_from_server{frame_type::server_hello, frame_type::closing};
inline constexpr frame_set from_server{frame_type::receive, frame_type::ping, frame_type::pong, frame_type::peer_gone,
                                       frame_type::closing};

/// Whether a frame with this header may come: its type is in `accepted`, its length fits the type and `max_payload`.
[[nodiscard]] codec_error check(const frame_header& header, frame_set accepted, std::uint32_t max_payload) noexcept;

/// A frame as it travels: header and payload in one heap block, so that forwarding one moves a pointer, turning `send`
/// into `receive` overwrites 33 bytes in place, and writing one takes one buffer. Move-only; empty when default-made or
/// moved from.
class frame {
public:
    frame() noexcept = default;
    /// The payload is uninitialised.
    explicit frame(const frame_header& header);

    explicit operator bool() const noexcept { return static_cast<bool>(bytes_); }

    // All below: only of a frame that is not empty.
    [[nodiscard]] frame_type type() const noexcept { return static_cast<frame_type>(bytes_[0]); }
    [[nodiscard]] std::span<std::byte> payload() noexcept { return {bytes_.get() + header_size, payload_length_}; }
    [[nodiscard]] std::span<const std::byte> payload() const noexcept {
        return {bytes_.get() + header_size, payload_length_};
    }
    /// Header and payload.
    [[nodiscard]] std::span<const std::byte> wire() const noexcept {
        return {bytes_.get(), header_size + payload_length_};
    }

    /// Another type for the same payload.
    void set_type(frame_type type) noexcept { bytes_[0] = static_cast<std::byte>(type); }

    /// The key at the front of the payload. Only of send, receive and peer_gone.
    [[nodiscard]] client_key key() const noexcept;
    void set_key(const client_key& key) noexcept;
    /// What follows the key. Only of send and receive.
    [[nodiscard]] std::span<std::byte> data() noexcept { return payload().subspan(key_size); }
    [[nodiscard]] std::span<const std::byte> data() const noexcept { return payload().subspan(key_size); }

private:
    std::unique_ptr<std::byte[]> bytes_;
    std::uint32_t payload_length_ = 0;
};

[[nodiscard]] frame make_client_hello(const client_key& key);
[[nodiscard]] frame make_server_hello(std::uint32_t max_payload, std::uint32_t keep_alive_seconds);
/// With room for `data_size` bytes of data, which are uninitialised.
[[nodiscard]] frame make_send(const client_key& destination, std::size_t data_size);
[[nodiscard]] frame make_ping(std::uint64_t token);
[[nodiscard]] frame make_peer_gone(const client_key& key);
[[nodiscard]] frame make_closing(closing_reason reason);

/// What a server_hello says.
struct server_greeting {
    std::uint32_t max_payload = 0;
    std::uint32_t keep_alive_seconds = 0;
};

// The readers of frames whose contents have a form of their own. The frame has passed check().
[[nodiscard]] codec_error read_client_hello(const frame& hello, client_key& key) noexcept;
[[nodiscard]] codec_error read_server_hello(const frame& hello, server_greeting& greeting) noexcept;
/// The token of a ping or pong.
[[nodiscard]] std::uint64_t read_token(const frame& ping) noexcept;
[[nodiscard]] closing_reason read_closing(const frame& closing) noexcept;

/// Cuts a stream of bytes into frames. It never holds more than one unfinished frame, and nothing before its header has
/// passed check().
///
/// Bytes come in by either of two ways: next() copies them out of a read buffer, or the caller reads straight into
/// unfilled() and says so with filled(), which saves a long payload the detour through the buffer.
class frame_decoder {
public:
    frame_decoder(frame_set accepted, std::uint32_t max_payload) noexcept
        : accepted_(accepted), max_payload_(max_payload) {}

    /// What the following frames may be.
    void accept(frame_set accepted) noexcept { accepted_ = accepted; }

    /// Takes bytes from the front of `input` until a frame is whole, and returns it. An empty frame means that `input`
    /// is used up, or that `error` is set; after an error the stream has lost its frame boundaries and must be given
    /// up.
    [[nodiscard]] frame next(std::span<const std::byte>& input, codec_error& error);

    /// The part of the present payload that has not come yet; empty between frames and inside a header.
    [[nodiscard]] std::span<std::byte> unfilled() noexcept;
    /// The first `count` bytes of unfilled() are there now.
    void filled(std::size_t count) noexcept { have_ += count; }

    /// Whether a part of a frame has come.
    [[nodiscard]] bool inside_frame() const noexcept { return header_have_ != 0; }

private:
    frame_set accepted_;
    std::uint32_t max_payload_;
    std::array<std::byte, header_size> header_{};
    std::size_t header_have_ = 0;
    frame frame_;          // empty until the header is complete
    std::size_t have_ = 0; // bytes of its payload
};

} // namespace frame_relay
