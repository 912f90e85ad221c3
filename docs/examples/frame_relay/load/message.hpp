// What the load clients say to one another, made so that the receiver can check every byte on its own: size and
// contents follow from the seed, the pair of clients and the sequence number. Pure; knows nothing of sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "frame_codec.hpp"

namespace frame_relay {

/// The fields in front of each message's filler.
struct message {
    std::uint32_t source = 0;       ///< index of the sending client
    std::uint32_t destination = 0;  ///< index of the receiving client
    std::uint64_t sequence = 0;     ///< counts all messages of this pair in this direction, from 0
    std::uint64_t acknowledged = 0; ///< how much data the sender has had from the destination
    std::int64_t sent_at = 0;       ///< nanoseconds of the steady clock
    bool carries_data = false;      ///< false: only acknowledges, has no filler and is not acknowledged itself

    friend bool operator==(const message&, const message&) = default;
};

/// Bytes that the fields of a message take.
inline constexpr std::size_t message_head_size = 48;

/// The seed and the sizes of a run: what both ends of each pair know.
class message_plan {
public:
    /// Sizes of messages with data; not below message_head_size.
    message_plan(std::uint64_t seed, std::size_t least, std::size_t most) noexcept
        : seed_(seed), least_(least), most_(most) {}

    [[nodiscard]] client_key key_of(std::uint32_t client) const noexcept;
    /// The index that a key claims to be of; key_of() says whether it is.
    [[nodiscard]] static std::uint32_t index_of(const client_key& key) noexcept;

    [[nodiscard]] std::size_t size_of(const message& text) const noexcept;

    /// Writes head and filler; `to` has size_of(text) bytes.
    void write(const message& text, std::span<std::byte> to) const noexcept;

    /// Reads a message that has come; false when any byte of it is not what its sender wrote.
    [[nodiscard]] bool read(std::span<const std::byte> from, message& text) const noexcept;

private:
    [[nodiscard]] std::uint64_t filler_seed(const message& text) const noexcept;
    [[nodiscard]] std::uint64_t checksum(std::span<const std::byte, message_head_size> head) const noexcept;

    std::uint64_t seed_;
    std::size_t least_;
    std::size_t most_;
};

/// A small generator for reproducible choices (splitmix64), good enough for tests and 8 bytes in size.
class seeded_random {
public:
    explicit seeded_random(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t operator()() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
    /// From 0 to bound-1.
    std::uint64_t below(std::uint64_t bound) noexcept { return (*this)() % bound; }
    void fill(std::span<std::byte> bytes) noexcept;

private:
    std::uint64_t state_;
};

} // namespace frame_relay
