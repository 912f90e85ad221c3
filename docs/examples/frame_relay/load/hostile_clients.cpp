// Each attack is one function that connects, does its worst and returns or throws; being refused is what it is for, so
// errors mean nothing here.
#include "load/hostile_clients.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <system_error>
#include <vector>

#include <moor/task_group.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "frame_codec.hpp"
#include "load/message.hpp"

namespace frame_relay {
namespace {

using namespace std::chrono_literals;

/// Longer than the relay's own limits, so that it is the relay that gives up.
constexpr auto patience = 20s;

struct attacker {
    moor::endpoint server;
    seeded_random random;

    [[nodiscard]] client_key new_key() {
        client_key key;
        random.fill(key);
        return key;
    }

    [[nodiscard]] moor::tcp_stream connect() const { return moor::tcp_stream::connect(server, patience); }

    [[nodiscard]] moor::tcp_stream introduced(const client_key& key) const {
        moor::tcp_stream stream = connect();
        stream.write(make_client_hello(key).wire(), patience);
        return stream;
    }

    void pause(std::chrono::milliseconds at_most) {
        moor::this_coroutine::sleep_for(
            std::chrono::milliseconds(random.below(static_cast<std::uint64_t>(at_most.count()) + 1)));
    }
};

void wait_for_the_end(moor::tcp_stream& stream) {
    std::vector<std::byte> buffer(4096);
    while (stream.read_some(buffer, patience) > 0) {
    }
}

/// A client in full traffic whose process is killed in the middle of a frame.
void killed(attacker& self) {
    const client_key key = self.new_key();
    moor::tcp_stream stream = self.introduced(key);
    std::vector<std::byte> buffer(4096);
    for (std::uint64_t count = 1 + self.random.below(200); count > 0; --count) {
        frame text = make_send(key, self.random.below(2000));
        self.random.fill(text.data());
        stream.write(text.wire(), patience);
        stream.read_some(buffer, patience);
    }
    const frame last = make_send(key, 1000);
    stream.write(last.wire().first(1 + self.random.below(last.wire().size() - 1)), patience);
    stream.reset();
}

/// Connects and says nothing.
void mute(attacker& self) {
    moor::tcp_stream stream = self.connect();
    wait_for_the_end(stream);
}

/// Stops inside its first header.
void half_header(attacker& self) {
    moor::tcp_stream stream = self.connect();
    stream.write(make_client_hello(self.new_key()).wire().first(3), patience);
    wait_for_the_end(stream);
}

/// Stops inside a frame, then vanishes without a word or with a reset.
void half_frame(attacker& self) {
    const client_key key = self.new_key();
    moor::tcp_stream stream = self.introduced(key);
    stream.write(make_send(key, 1000).wire().first(10 + self.random.below(900)), patience);
    self.pause(3s);
    if (self.random.below(2) == 0) {
        stream.reset();
    }
}

/// One byte per second, before or after its hello.
void dribble(attacker& self) {
    const client_key key = self.new_key();
    const bool late = self.random.below(2) == 0;
    moor::tcp_stream stream = late ? self.introduced(key) : self.connect();
    const frame text = late ? make_send(key, 100) : make_client_hello(key);
    for (const std::byte& each : text.wire()) {
        stream.write(std::span(&each, 1), patience);
        moor::this_coroutine::sleep_for(1s);
    }
}

/// 1 MiB of random bytes, as the first thing or after a hello.
void noise(attacker& self) {
    moor::tcp_stream stream = self.random.below(2) == 0 ? self.connect() : self.introduced(self.new_key());
    std::vector<std::byte> bytes(1024 * 1024);
    self.random.fill(bytes);
    stream.write(bytes, patience);
    wait_for_the_end(stream);
}

/// Announces the largest payload that the header can say.
void oversize(attacker& self) {
    moor::tcp_stream stream = self.introduced(self.new_key());
    stream.write(encode({.type = frame_type::send, .payload_length = 0xffffffff}), patience);
    std::vector<std::byte> bytes(100'000);
    stream.write(bytes, patience);
    wait_for_the_end(stream);
}

/// Several connections with one key; each new one ends the one before.
void duplicates(attacker& self) {
    const client_key key = self.new_key();
    moor::tcp_stream older = self.introduced(key);
    for (int i = 0; i < 5; ++i) {
        moor::tcp_stream newer = self.introduced(key);
        wait_for_the_end(older);
        older = std::move(newer);
    }
}

/// Sends to itself and never reads, until nothing moves any more.
void deaf(attacker& self) {
    const client_key key = self.new_key();
    moor::tcp_stream stream = self.introduced(key);
    frame text = make_send(key, 8000);
    self.random.fill(text.data());
    for (int i = 0; i < 2000; ++i) {
        stream.write(text.wire(), 2s);
    }
    self.pause(3s);
    stream.reset();
}

/// Ends its own direction and goes on listening.
void half_closed(attacker& self) {
    const client_key key = self.new_key();
    moor::tcp_stream stream = self.introduced(key);
    stream.write(make_send(key, 100).wire(), patience);
    stream.shutdown(moor::shutdown_side::send);
    wait_for_the_end(stream);
}

using attack = void (*)(attacker&);
constexpr std::array<attack, 10> attacks_known{killed, mute,       half_header, half_frame, dribble,
                                               noise,  duplicates, oversize,    deaf,       half_closed};

void repeat(attack what, attacker self, std::atomic<std::uint64_t>& attacks) {
    while (!moor::this_coroutine::stop_requested()) {
        attacks.fetch_add(1, std::memory_order_relaxed);
        try {
            what(self);
            self.pause(200ms);
        } catch (const std::system_error&) {
            // The relay closed us, as it should; or it is time to stop.
        }
    }
}

} // namespace

void run_hostile_clients(const moor::endpoint& server, std::uint64_t seed, std::atomic<std::uint64_t>& attacks) {
    constexpr std::uint64_t of_each_kind = 2;
    moor::task_group group;
    for (std::uint64_t i = 0; i < of_each_kind * attacks_known.size(); ++i) {
        const attack what = attacks_known[i % attacks_known.size()];
        group.spawn({.name = "hostile"}, repeat, what, attacker{.server = server, .random = seeded_random(seed + i)},
                    std::ref(attacks));
    }
    std::error_code stopped;
    group.wait({}, stopped);
}

} // namespace frame_relay
