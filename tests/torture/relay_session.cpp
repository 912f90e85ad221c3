// See relay_session.hpp.
#include "torture/relay_session.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <moor/preempt.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "support/bytes.hpp"
#include "win/compiler.hpp"

namespace moor::test {
namespace {

constexpr std::size_t record_header = 5; // type, version, length: TLS's
constexpr std::size_t most_payload = 16384;
constexpr std::size_t words_per_frame = 24;

struct frame_head {
    std::uint32_t sequence;
    std::uint16_t length; // of the body
    std::uint8_t hops;    // calls between the session and the sending of the frame
    std::uint8_t last;    // 1 in the last frame of its stream
    std::uint64_t checksum;
};

// A body is the bytes of its stream from here on.
constexpr std::uint64_t position_of(std::uint32_t sequence) { return std::uint64_t{sequence} * 65536; }

std::uint64_t checksum(std::span<const std::byte> body) noexcept {
    std::uint64_t sum = body.size();
    for (const std::byte each : body) {
        sum = (sum ^ static_cast<std::uint64_t>(each)) * 0x100000001b3ull;
    }
    return sum;
}

// ---- The session, from the outside in ----------------------------------------------------------------------------

struct session {
    tcp_stream& client;
    tcp_stream& next;
    load_state& state;
};

MOOR_NOINLINE std::size_t read_header(session& here) {
    planted<words_per_frame> words;
    std::array<std::byte, record_header> header;
    here.client.read_exactly(header, here.state.patience);
    words.look(here.state.found);
    const bool known = header[0] == std::byte{23} && header[1] == std::byte{3} && header[2] == std::byte{3};
    const std::size_t length = static_cast<std::size_t>(header[3]) << 8 | static_cast<std::size_t>(header[4]);
    if (!known || length > most_payload) {
        here.state.corrupted.fetch_add(1, std::memory_order_relaxed);
        throw std::system_error(std::make_error_code(std::errc::bad_message), "record");
    }
    return length;
}

MOOR_NOINLINE void route(session& here, std::span<const std::byte> frame, unsigned hops) {
    planted<words_per_frame> words;
    if (hops != 0) {
        route(here, frame, hops - 1);
    } else {
        here.next.write(frame, here.state.patience);
    }
    words.look(here.state.found);
}

MOOR_NOINLINE bool verify(session& here, const frame_head& head, std::span<const std::byte> body) {
    constexpr unsigned rounds = 32; // so that it takes long enough to be interrupted
    planted<words_per_frame> words;
    const bool right = preemptible([&] {
        std::uint64_t sum = 0;
        for (unsigned round = 0; round != rounds; ++round) {
            sum ^= checksum(body) + round;
        }
        std::uint64_t expected = 0;
        for (unsigned round = 0; round != rounds; ++round) {
            expected ^= head.checksum + round;
        }
        return sum == expected;
    });
    words.look(here.state.found);
    return right;
}

// Returns the bytes that the frame takes, and whether it was the last.
struct read_frame_result {
    std::size_t bytes;
    bool last;
};

MOOR_NOINLINE read_frame_result read_frame(session& here, std::span<const std::byte> payload) {
    planted<words_per_frame> words;
    frame_head head;
    if (payload.size() < sizeof head) {
        throw std::system_error(std::make_error_code(std::errc::bad_message), "frame");
    }
    std::memcpy(&head, payload.data(), sizeof head);
    const std::size_t bytes = sizeof head + head.length;
    if (bytes > payload.size()) {
        throw std::system_error(std::make_error_code(std::errc::bad_message), "frame");
    }
    if (!verify(here, head, payload.subspan(sizeof head, head.length))) {
        here.state.corrupted.fetch_add(1, std::memory_order_relaxed);
    }
    route(here, payload.first(bytes), head.hops);
    words.look(here.state.found);
    return {bytes, head.last != 0};
}

MOOR_NOINLINE bool read_payload(session& here, std::size_t length) {
    planted<words_per_frame> words;
    std::array<std::byte, most_payload> room;
    const std::span<std::byte> payload = std::span(room).first(length);
    here.client.read_exactly(payload, here.state.patience);
    bool last = false;
    for (std::size_t place = 0; place < length;) {
        const auto done = read_frame(here, payload.subspan(place));
        place += done.bytes;
        last = last || done.last;
    }
    words.look(here.state.found);
    return !last;
}

MOOR_NOINLINE bool read_record(session& here) {
    planted<words_per_frame> words;
    const std::size_t length = read_header(here);
    const bool more = read_payload(here, length);
    here.state.records.fetch_add(1, std::memory_order_relaxed);
    words.look(here.state.found);
    return more;
}

// ---- The client --------------------------------------------------------------------------------------------------

void append_frame(std::vector<std::byte>& record, std::uint32_t stream, frame_head head) {
    const std::size_t place = record.size();
    record.resize(place + sizeof head + head.length);
    const auto body = std::span(record).subspan(place + sizeof head);
    preemptible([&] {
        fill(body, position_of(head.sequence), stream);
        head.checksum = checksum(body);
    });
    std::memcpy(record.data() + place, &head, sizeof head);
}

void begin_record(std::vector<std::byte>& record) {
    record.assign({std::byte{23}, std::byte{3}, std::byte{3}, std::byte{0}, std::byte{0}});
}

void send_record(tcp_stream& to, std::vector<std::byte>& record, const load_state& state) {
    const std::size_t length = record.size() - record_header;
    record[3] = static_cast<std::byte>(length >> 8);
    record[4] = static_cast<std::byte>(length);
    to.write(record, state.patience);
}

// So many calls deep and back.
MOOR_NOINLINE void descend(damage& found, unsigned calls) {
    planted<words_per_frame> words;
    if (calls != 0) {
        descend(found, calls - 1);
    }
    words.look(found);
}

// As a handshake does, a session begins with deep calls and waits in shallow ones by turns. Its stack grows and shrinks
// with them; the number of suspensions that it takes to shrink doubles each time (docs/stacks.md).
void shake_hands(session& here) {
    for (unsigned yields = 120; yields <= 480; yields *= 2) {
        descend(here.state.found, 120);
        for (unsigned count = 0; count != yields; ++count) {
            this_coroutine::yield();
        }
    }
}

} // namespace

void serve_session(tcp_stream& client, tcp_stream& next, load_state& state) {
    session here{client, next, state};
    shake_hands(here);
    while (read_record(here)) {
    }
    state.session_copies.ended_after(this_coroutine::stack_copies());
}

void send_records(tcp_stream& to, std::uint32_t stream, load_state& state) {
    std::minstd_rand random(stream + 1);
    std::vector<std::byte> record;
    std::uint32_t sequence = 0;
    while (!state.over()) {
        begin_record(record);
        const std::size_t frames = 1 + random() % 6;
        for (std::size_t count = 0; count != frames; ++count) {
            const auto length = static_cast<std::uint16_t>(random() % (most_payload / frames - sizeof(frame_head)));
            const auto hops = static_cast<std::uint8_t>(random() % 8 == 0 ? random() % 100 : random() % 4);
            append_frame(record, stream, {sequence++, length, hops, 0, 0});
        }
        send_record(to, record, state);
        state.frames_sent.fetch_add(frames, std::memory_order_relaxed);
    }
    begin_record(record);
    append_frame(record, stream, {sequence, 0, 0, 1, 0});
    send_record(to, record, state);
}

void receive_frames(tcp_stream& from, std::uint32_t stream, load_state& state) {
    std::vector<std::byte> body;
    for (std::uint32_t expected = 0;; ++expected) {
        frame_head head;
        from.read_exactly(std::as_writable_bytes(std::span(&head, 1)), state.patience);
        body.resize(head.length);
        from.read_exactly(body, state.patience);
        if (head.last != 0 && head.sequence == expected) {
            break;
        }
        state.frames_received.fetch_add(1, std::memory_order_relaxed);
        const bool right = preemptible([&] { return matching(body, position_of(expected), stream) == body.size(); });
        if (head.sequence != expected || !right) {
            state.corrupted.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

} // namespace moor::test
