// Head: checksum, source, destination, sequence, acknowledged, sent_at, kind; the filler follows. The two ends are the
// same program, so fields are stored as they lie in memory. The checksum covers the head, the filler is compared byte
// by byte.
#include "load/message.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace frame_relay {
namespace {

// Offsets within the head.
constexpr std::size_t checksum_at = 0;
constexpr std::size_t source_at = 8;
constexpr std::size_t destination_at = 12;
constexpr std::size_t sequence_at = 16;
constexpr std::size_t acknowledged_at = 24;
constexpr std::size_t sent_at = 32;
constexpr std::size_t kind_at = 40;

template <class T>
void put(std::span<std::byte> to, std::size_t offset, T value) noexcept {
    std::memcpy(to.subspan(offset, sizeof value).data(), &value, sizeof value);
}

template <class T>
T get(std::span<const std::byte> from, std::size_t offset) noexcept {
    T value;
    std::memcpy(&value, from.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) noexcept { return seeded_random(seed ^ value)(); }

} // namespace

void seeded_random::fill(std::span<std::byte> bytes) noexcept {
    while (bytes.size() >= sizeof(std::uint64_t)) {
        put(bytes, 0, (*this)());
        bytes = bytes.subspan(sizeof(std::uint64_t));
    }
    if (!bytes.empty()) {
        const std::uint64_t last = (*this)();
        std::memcpy(bytes.data(), &last, bytes.size());
    }
}

client_key message_plan::key_of(std::uint32_t client) const noexcept {
    client_key key;
    seeded_random(mix(seed_, client)).fill(key);
    put(std::span<std::byte>(key), 0, client);
    return key;
}

std::uint32_t message_plan::index_of(const client_key& key) noexcept { return get<std::uint32_t>(key, 0); }

std::uint64_t message_plan::filler_seed(const message& text) const noexcept {
    return mix(mix(seed_, std::uint64_t{text.source} << 32 | text.destination), text.sequence);
}

std::size_t message_plan::size_of(const message& text) const noexcept {
    return text.carries_data ? least_ + filler_seed(text) % (most_ - least_ + 1) : message_head_size;
}

std::uint64_t message_plan::checksum(std::span<const std::byte, message_head_size> head) const noexcept {
    std::uint64_t sum = seed_;
    for (std::size_t offset = checksum_at + sizeof sum; offset < head.size(); offset += sizeof sum) {
        sum = mix(sum, get<std::uint64_t>(head, offset));
    }
    return sum;
}

void message_plan::write(const message& text, std::span<std::byte> to) const noexcept {
    const auto head = to.first<message_head_size>();
    put(head, source_at, text.source);
    put(head, destination_at, text.destination);
    put(head, sequence_at, text.sequence);
    put(head, acknowledged_at, text.acknowledged);
    put(head, sent_at, text.sent_at);
    put(head, kind_at, std::uint64_t{text.carries_data});
    put(head, checksum_at, checksum(head));
    seeded_random(filler_seed(text)).fill(to.subspan(message_head_size));
}

bool message_plan::read(std::span<const std::byte> from, message& text) const noexcept {
    if (from.size() < message_head_size) {
        return false;
    }
    const auto head = from.first<message_head_size>();
    if (get<std::uint64_t>(head, checksum_at) != checksum(head)) {
        return false;
    }
    text = {.source = get<std::uint32_t>(head, source_at),
            .destination = get<std::uint32_t>(head, destination_at),
            .sequence = get<std::uint64_t>(head, sequence_at),
            .acknowledged = get<std::uint64_t>(head, acknowledged_at),
            .sent_at = get<std::int64_t>(head, sent_at),
            .carries_data = get<std::uint64_t>(head, kind_at) != 0};
    if (from.size() != size_of(text)) {
        return false;
    }
    seeded_random expected(filler_seed(text));
    std::span<const std::byte> filler = from.subspan(message_head_size);
    while (!filler.empty()) {
        const std::uint64_t word = expected();
        const std::size_t length = std::min(filler.size(), sizeof word);
        if (std::memcmp(filler.data(), &word, length) != 0) {
            return false;
        }
        filler = filler.subspan(length);
    }
    return true;
}

} // namespace frame_relay
