// The relay's codec against everything a peer can send: what is written is read back at every cut of the stream, and
// what is malformed is refused before a byte of its payload is stored.
#include "frame_codec.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace frame_relay {
namespace {

constexpr std::uint32_t limit = 1024;
constexpr frame_set every_type{frame_type::client_hello, frame_type::server_hello, frame_type::send,
                               frame_type::receive,      frame_type::ping,         frame_type::pong,
                               frame_type::peer_gone,    frame_type::closing};

using random_engine = std::mt19937_64;

/// A new seed for each run; RELAY_TEST_SEED repeats one.
std::uint64_t test_seed() {
    const char* const given = std::getenv("RELAY_TEST_SEED");
    const std::uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 10)
                         : static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    ::testing::Test::RecordProperty("seed", std::to_string(seed));
    std::printf("RELAY_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
}

client_key numbered_key(unsigned number) {
    client_key key;
    for (std::byte& part : key) {
        part = static_cast<std::byte>(number++);
    }
    return key;
}

void randomise(std::span<std::byte> bytes, random_engine& random) {
    std::ranges::generate(bytes, [&random] { return static_cast<std::byte>(random()); });
}

frame random_frame(random_engine& random) {
    client_key key;
    randomise(key, random);
    switch (random() % 7) {
    case 0: return make_client_hello(key);
    case 1: return make_server_hello(static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()));
    case 2: return make_ping(random());
    case 3: return make_peer_gone(key);
    case 4: return make_closing(closing_reason::silent);
    default: {
        frame made = make_send(key, random() % (limit - key_size + 1));
        randomise(made.data(), random);
        if (random() % 2 == 0) {
            made.set_type(frame_type::receive);
        }
        return made;
    }
    }
}

bool same(const frame& a, const frame& b) { return std::ranges::equal(a.wire(), b.wire()); }

std::vector<std::byte> wire_of(const std::vector<frame>& frames) {
    std::vector<std::byte> bytes;
    for (const frame& each : frames) {
        bytes.insert(bytes.end(), each.wire().begin(), each.wire().end());
    }
    return bytes;
}

/// All frames of `bytes`, which are handed over in pieces of `piece_size()` bytes, by either of the decoder's two ways.
template <class PieceSize, class Direct>
std::vector<frame> decode_in_pieces(std::span<const std::byte> bytes, PieceSize piece_size, Direct read_directly) {
    frame_decoder decoder(every_type, limit);
    std::vector<frame> frames;
    while (!bytes.empty()) {
        std::span<const std::byte> piece = bytes.first(std::min<std::size_t>(piece_size(), bytes.size()));
        bytes = bytes.subspan(piece.size());
        const std::span<std::byte> rest = decoder.unfilled();
        if (!rest.empty() && read_directly()) {
            const std::size_t count = std::min(rest.size(), piece.size());
            std::ranges::copy(piece.first(count), rest.begin());
            decoder.filled(count);
            piece = piece.subspan(count);
        }
        codec_error error{};
        while (frame next = decoder.next(piece, error)) {
            frames.push_back(std::move(next));
        }
        EXPECT_EQ(error, codec_error::none);
        EXPECT_TRUE(piece.empty());
    }
    EXPECT_FALSE(decoder.inside_frame());
    return frames;
}

/// The first frame or error that a decoder makes of `bytes`.
codec_error refusal(std::span<const std::byte> bytes, frame_set accepted = every_type) {
    frame_decoder decoder(accepted, limit);
    codec_error error{};
    EXPECT_FALSE(decoder.next(bytes, error));
    EXPECT_TRUE(decoder.unfilled().empty()) << "room was made for a payload that was refused";
    return error;
}

TEST(frame_codec, header_is_one_byte_of_type_and_four_of_length_big_endian) {
    const auto bytes = encode({.type = frame_type::send, .payload_length = 0x01020304});
    const std::array<std::byte, 5> expected{std::byte{3}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    EXPECT_EQ(bytes, expected);
    EXPECT_EQ(decode(bytes), (frame_header{.type = frame_type::send, .payload_length = 0x01020304}));
}

TEST(frame_codec, contents_come_back) {
    const client_key key = numbered_key(7);
    client_key read_key{};
    EXPECT_EQ(read_client_hello(make_client_hello(key), read_key), codec_error::none);
    EXPECT_EQ(read_key, key);

    server_greeting greeting;
    EXPECT_EQ(read_server_hello(make_server_hello(70'000, 30), greeting), codec_error::none);
    EXPECT_EQ(greeting.max_payload, 70'000u);
    EXPECT_EQ(greeting.keep_alive_seconds, 30u);

    EXPECT_EQ(read_token(make_ping(0x0123456789abcdef)), 0x0123456789abcdefu);
    EXPECT_EQ(read_closing(make_closing(closing_reason::replaced)), closing_reason::replaced);
    EXPECT_EQ(make_peer_gone(key).key(), key);
    EXPECT_EQ(make_send(key, 3).key(), key);
    EXPECT_EQ(make_send(key, 3).data().size(), 3u);
    EXPECT_EQ(short_name(key), "0708090a");
}

TEST(frame_codec, send_becomes_receive_in_place) {
    frame made = make_send(numbered_key(1), 4);
    const std::byte* const block = made.wire().data();
    made.set_type(frame_type::receive);
    made.set_key(numbered_key(2));
    EXPECT_EQ(made.type(), frame_type::receive);
    EXPECT_EQ(made.key(), numbered_key(2));
    EXPECT_EQ(made.wire().data(), block);
    EXPECT_EQ(made.wire().size(), header_size + key_size + 4);
}

TEST(frame_codec, hello_of_another_protocol_is_refused) {
    client_key key{};
    frame hello = make_client_hello(numbered_key(1));
    hello.payload()[0] = std::byte{'X'};
    EXPECT_EQ(read_client_hello(hello, key), codec_error::bad_magic);
    hello = make_client_hello(numbered_key(1));
    hello.payload()[4] = std::byte{protocol_version + 1};
    EXPECT_EQ(read_client_hello(hello, key), codec_error::bad_version);
    server_greeting greeting;
    frame answer = make_server_hello(limit, 1);
    answer.payload()[0] = std::byte{0};
    EXPECT_EQ(read_server_hello(answer, greeting), codec_error::bad_version);
}

TEST(frame_codec, every_single_cut_of_a_stream_gives_the_same_frames) {
    std::vector<frame> sent;
    sent.push_back(make_client_hello(numbered_key(1)));
    sent.push_back(make_send(numbered_key(2), 0));
    sent.push_back(make_send(numbered_key(3), 100));
    std::ranges::fill(sent.back().data(), std::byte{0xa5});
    sent.push_back(make_ping(1));
    const std::vector<std::byte> bytes = wire_of(sent);
    for (const bool directly : {false, true}) {
        for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
            std::size_t piece = cut == 0 ? bytes.size() : cut;
            const auto frames = decode_in_pieces(
                bytes, [&] { return std::exchange(piece, bytes.size()); }, [directly] { return directly; });
            ASSERT_TRUE(std::ranges::equal(frames, sent, same)) << "cut at " << cut;
        }
        const auto frames = decode_in_pieces(
            bytes, [] { return 1; }, [directly] { return directly; });
        ASSERT_TRUE(std::ranges::equal(frames, sent, same));
    }
}

TEST(frame_codec, random_frames_in_random_pieces_come_back) {
    random_engine random(test_seed());
    for (int round = 0; round < 300; ++round) {
        std::vector<frame> sent;
        for (std::uint64_t count = random() % 20; count-- > 0;) {
            sent.push_back(random_frame(random));
        }
        const std::uint64_t most = 1 + random() % 600;
        const auto frames = decode_in_pieces(
            wire_of(sent), [&] { return 1 + random() % most; }, [&] { return random() % 2 == 0; });
        ASSERT_TRUE(std::ranges::equal(frames, sent, same)) << "round " << round;
    }
}

TEST(frame_codec, lengths_are_held_to_the_type_and_to_the_limit) {
    const auto verdict = [](frame_type type, std::uint32_t length) {
        return check({.type = type, .payload_length = length}, every_type, limit);
    };
    struct bounds {
        frame_type type;
        std::uint32_t least;
        std::uint32_t most;
    };
    for (const bounds& each :
         {bounds{frame_type::client_hello, 37, 37}, bounds{frame_type::server_hello, 9, 9},
          bounds{frame_type::send, 32, limit}, bounds{frame_type::receive, 32, limit}, bounds{frame_type::ping, 8, 8},
          bounds{frame_type::pong, 8, 8}, bounds{frame_type::peer_gone, 32, 32}, bounds{frame_type::closing, 1, 1}}) {
        SCOPED_TRACE(static_cast<int>(each.type));
        EXPECT_EQ(verdict(each.type, each.least), codec_error::none);
        EXPECT_EQ(verdict(each.type, each.most), codec_error::none);
        EXPECT_EQ(verdict(each.type, each.least - 1), codec_error::payload_too_short);
        EXPECT_EQ(verdict(each.type, each.most + 1), codec_error::payload_too_long);
        EXPECT_EQ(verdict(each.type, 0xffffffff), codec_error::payload_too_long);
    }
    for (int type = 0; type < 256; ++type) {
        const bool known = type >= 1 && type <= 8;
        EXPECT_EQ(verdict(static_cast<frame_type>(type), 32) == codec_error::unexpected_type, !known) << type;
    }
}

TEST(frame_codec, a_refused_header_gets_no_memory) {
    const auto header = [](int type, std::uint32_t length) {
        return encode({.type = static_cast<frame_type>(type), .payload_length = length});
    };
    EXPECT_EQ(refusal(header(3, 0xffffffff)), codec_error::payload_too_long);
    EXPECT_EQ(refusal(header(3, limit + 1)), codec_error::payload_too_long);
    EXPECT_EQ(refusal(header(3, 31)), codec_error::payload_too_short);
    EXPECT_EQ(refusal(header(0, 0)), codec_error::unexpected_type);
    EXPECT_EQ(refusal(header(200, 40)), codec_error::unexpected_type);
    EXPECT_EQ(refusal(header(3, 40), first_from_client), codec_error::unexpected_type);
    EXPECT_EQ(refusal(header(1, 37), from_client), codec_error::unexpected_type);
    EXPECT_EQ(refusal(header(4, 40), from_client), codec_error::unexpected_type);
}

// In the manner of a fuzzer: nothing that random bytes do may reach outside the buffers (the host build runs this under
// AddressSanitizer), and each frame that they happen to form is within the limits.
TEST(frame_codec, random_bytes_never_give_a_frame_outside_the_limits) {
    random_engine random(test_seed());
    std::size_t accepted = 0;
    std::size_t refused = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::byte> bytes(random() % 512);
        randomise(bytes, random);
        if (!bytes.empty() && random() % 2 == 0) { // likelier to look like a frame
            bytes[0] = static_cast<std::byte>(random() % 10);
            for (std::size_t i = 1; i < std::min<std::size_t>(bytes.size(), 4); ++i) {
                bytes[i] = std::byte{0};
            }
        }
        frame_decoder decoder(random() % 2 == 0 ? from_client : every_type, limit);
        std::span<const std::byte> rest = bytes;
        codec_error error{};
        while (true) {
            const std::size_t before = rest.size();
            const frame next = decoder.next(rest, error);
            ASSERT_LE(rest.size(), before);
            if (!next) {
                break;
            }
            ++accepted;
            const frame_header header{.type = next.type(),
                                      .payload_length = static_cast<std::uint32_t>(next.payload().size())};
            ASSERT_EQ(check(header, every_type, limit), codec_error::none);
            ASSERT_LT(rest.size(), before);
            client_key key{};
            server_greeting greeting;
            if (next.type() == frame_type::client_hello) {
                (void)read_client_hello(next, key);
            } else if (next.type() == frame_type::server_hello) {
                (void)read_server_hello(next, greeting);
            }
        }
        if (error == codec_error::none) {
            ASSERT_TRUE(rest.empty());
        } else {
            ++refused;
        }
        ASSERT_LE(decoder.unfilled().size(), limit);
    }
    EXPECT_GT(accepted, 0u);
    EXPECT_GT(refused, 0u);
}

} // namespace
} // namespace frame_relay
