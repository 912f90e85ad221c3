// The operations under a system that is as unkind as its contract allows: nothing is lost, nothing is written where it
// must not be, and every operation returns to its pool. Seeds are printed; MOOR_TEST_SEED repeats a run.
#include "support/adversary.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>

#include "net/stream_socket.hpp"
#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using detail::stream_socket;
using stream = std::unique_ptr<stream_socket, io::close_and_release>;

struct stream_pair {
    stream first;
    stream second;
    SOCKET first_socket;
};

stream_pair make_pair(adversary& system) {
    adversary::line line = system.make_line();
    iocp::io_service& service = *io::current_io().service;
    const SOCKET first_socket = line.first.get();
    return {stream(new stream_socket(std::move(line.first), service)),
            stream(new stream_socket(std::move(line.second), service)), first_socket};
}

// A buffer with guards around it, on the stack of the coroutine that waits. What the system writes outside the buffer
// shows.
class guarded_buffer {
public:
    guarded_buffer() { bytes_.fill(guard); }

    [[nodiscard]] std::span<std::byte> data() noexcept { return std::span(bytes_).subspan(margin, size); }
    [[nodiscard]] bool intact() const noexcept {
        const auto is_guard = [](std::byte each) { return each == guard; };
        return std::all_of(bytes_.begin(), bytes_.begin() + margin, is_guard) &&
               std::all_of(bytes_.end() - margin, bytes_.end(), is_guard);
    }

private:
    static constexpr std::byte guard{0xa7};
    static constexpr std::size_t margin = 256;
    static constexpr std::size_t size = 700;
    std::array<std::byte, 2 * margin + size> bytes_;
};

constexpr std::uint64_t bytes_per_stream = 40'000;

// Writes the whole stream in pieces, plain and gathered.
void write_all(stream_socket& to, std::uint32_t number, std::uint32_t seed) {
    std::minstd_rand random(seed);
    std::uint64_t written = 0;
    while (written < bytes_per_stream) {
        const std::size_t count = std::min<std::size_t>(bytes_per_stream - written, 1 + random() % 2000);
        const auto data = make_bytes(count, written, number);
        std::error_code error;
        if (random() % 2 == 0) {
            ASSERT_EQ(to.write(data, {}, error), count) << error.message();
        } else {
            std::vector<std::span<const std::byte>> parts;
            for (auto rest = std::span<const std::byte>(data); !rest.empty();) {
                const std::size_t step = std::min<std::size_t>(rest.size(), random() % 50); // 0 too
                parts.push_back(rest.first(step));
                rest = rest.subspan(step);
            }
            ASSERT_EQ(to.write(parts, {}, error), count) << error.message();
        }
        written += count;
    }
}

// Reads to the end in pieces, with deadlines that often end a call in the middle of its completion.
void read_all(stream_socket& from, std::uint32_t number, std::uint32_t seed) {
    std::minstd_rand random(seed);
    std::uint64_t total = 0;

    for (;;) {
        guarded_buffer buffer;
        std::error_code error;
        wait_limit limit;
        if (random() % 3 == 0) {
            limit = wait_limit(std::chrono::microseconds(random() % 1500));
        }
        std::size_t count = 0;
        switch (random() % 3) {
        case 0: {
            const std::array<std::span<std::byte>, 3> parts{buffer.data().first(10), buffer.data().subspan(10, 300),
                                                            buffer.data().subspan(310)};
            count = from.read_some(parts, limit, error);
            break;
        }
        case 1: from.wait_readable(limit, error); [[fallthrough]];
        default: count = from.read_some(buffer.data(), limit, error); break;
        }
        ASSERT_TRUE(buffer.intact()) << "written outside the buffer, near byte " << total;
        ASSERT_EQ(matching(buffer.data().first(count), total, number), count) << "near byte " << total;
        total += count;
        if (error == std::errc::timed_out) {
            continue;
        } else {
            ASSERT_FALSE(error) << error.message();
            if (count == 0) {
                break;
            }
        }
    }
    EXPECT_EQ(total, bytes_per_stream);
}

class adversary_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, adversary_on, testing::Values(1u, 2u));

TEST_P(adversary_on, streams_arrive_whole) {
    const std::uint32_t seed = test_seed();
    for (const bool skip_packets : {true, false}) {
        runtime running(with_workers(GetParam()));
        running.run([&] {
            adversary system(seed, {.skip_packets = skip_packets});
            constexpr std::uint32_t streams = 4;
            std::vector<stream_pair> pairs;
            std::vector<join_handle<void>> readers;
            std::vector<join_handle<void>> writers;
            for (std::uint32_t number = 0; number < streams; ++number) {
                pairs.push_back(make_pair(system));
            }
            for (std::uint32_t number = 0; number < streams; ++number) {
                stream_pair& pair = pairs[number];
                readers.push_back(spawn([&pair, number, seed] { read_all(*pair.second, number, seed + number); }));
                writers.push_back(spawn([&, number] {
                    write_all(*pair.first, number, seed + 100 + number);
                    system.end_stream(pair.first_socket);
                }));
            }
            for (auto& each : writers) {
                each.join();
            }
            for (auto& each : readers) {
                each.join();
            }
            EXPECT_EQ(system.offences(), std::vector<std::string>{});
            EXPECT_EQ(system.pending(), 0u);
            EXPECT_EQ(running.metrics().operations_in_use, 0u);
        });
        EXPECT_EQ(running.metrics().packets_foreign, 0u);
    }
}

// The packet against the deadline, again and again on one stream.
TEST_P(adversary_on, packets_and_deadlines_race) {
    const std::uint32_t seed = test_seed();
    runtime running(with_workers(GetParam()));
    running.run([&] {
        adversary system(seed, {.at_once = 0, .whole = 1, .patience = 0.9});
        stream_pair pair = make_pair(system);
        std::minstd_rand random(seed);
        std::uint64_t written = 0;
        std::uint64_t read = 0;
        int timed_out = 0;
        for (int round = 0; round < 300; ++round) {
            std::error_code error;
            if (random() % 2 == 0) {
                written += pair.first->write(make_bytes(10, written), {}, error);
                ASSERT_FALSE(error);
            }
            guarded_buffer buffer;
            const std::size_t count =
                pair.second->read_some(buffer.data(), std::chrono::microseconds(random() % 2000), error);
            ASSERT_TRUE(buffer.intact());
            ASSERT_EQ(matching(buffer.data().first(count), read), count);
            ASSERT_EQ(count == 0, static_cast<bool>(error)) << "either bytes or an error";
            read += count;
            timed_out += error == std::errc::timed_out ? 1 : 0;
            ASSERT_EQ(system.pending(), 0u) << "read_some returned before its packet came";
        }
        std::printf("[   race   ] %d of 300 timed out\n", timed_out);
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
}

// Streams closed by another coroutine at a random moment of a call.
TEST_P(adversary_on, close_races_with_calls) {
    const std::uint32_t seed = test_seed();
    runtime running(with_workers(GetParam()));
    running.run([&] {
        std::minstd_rand random(seed);
        for (int round = 0; round < 100; ++round) {
            adversary system(seed + static_cast<std::uint32_t>(round), {.at_once = 0.5});
            stream_pair pair = make_pair(system);
            auto reader = spawn([&pair] {
                guarded_buffer buffer;
                std::error_code error;
                while (!error) {
                    const std::size_t count = pair.second->read_some(buffer.data(), {}, error);
                    ASSERT_TRUE(buffer.intact());
                    ASSERT_TRUE(count != 0 || error);
                }
                EXPECT_EQ(error, std::errc::operation_canceled) << error.message();
            });
            auto writer = spawn([&pair] {
                const auto data = make_bytes(1000);
                std::error_code error;
                while (!error) {
                    pair.first->write(data, {}, error);
                }
                EXPECT_EQ(error, std::errc::operation_canceled) << error.message();
            });
            for (unsigned turns = random() % 50; turns != 0; --turns) {
                this_coroutine::yield();
            }
            pair.second->close();
            for (unsigned turns = random() % 10; turns != 0; --turns) {
                this_coroutine::yield();
            }
            pair.first->close();
            reader.join();
            writer.join();
            ASSERT_EQ(system.offences(), std::vector<std::string>{});
        }
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
}

// The handle itself goes while a call on it waits: the call keeps what it needs.
TEST_P(adversary_on, a_destroyed_handle_cancels_its_calls) {
    runtime running(with_workers(GetParam()));
    running.run([&] {
        for (int round = 0; round < 50; ++round) {
            adversary system(static_cast<std::uint32_t>(round), {.at_once = 0});
            stream_pair pair = make_pair(system);
            auto reader = spawn([from = pair.second.get()] {
                guarded_buffer buffer;
                std::error_code error;
                EXPECT_EQ(from->read_some(buffer.data(), {}, error), 0u);
                EXPECT_EQ(error, std::errc::operation_canceled);
                EXPECT_TRUE(buffer.intact());
            });
            EXPECT_TRUE(eventually([&system] { return system.pending() == 1; }));
            pair.second.reset();
            reader.join();
        }
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
}

// ---- Calls of several submissions --------------------------------------------------------------------------------

// The first submission is cancelled at the deadline and has moved ten bytes all the same: there is no second one.
TEST_P(adversary_on, a_deadline_is_noticed_between_two_submissions) {
    runtime running(with_workers(GetParam()));
    running.run([] {
        adversary system(1, {.at_once = 0});
        stream_pair pair = make_pair(system);
        const auto data = make_bytes(30);
        std::error_code error;
        system.script(adversary::kind::send, scripted_end::succeeds_when_cancelled(10));
        EXPECT_EQ(pair.first->write(data, 5ms, error), 10u);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(system.calls(adversary::kind::send), 1u);

        const std::array<std::span<const std::byte>, 2> parts{std::span(data).first(5), std::span(data).subspan(5)};
        system.script(adversary::kind::send, scripted_end::succeeds_when_cancelled(10));
        EXPECT_EQ(pair.first->write(parts, 5ms, error), 10u);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(system.calls(adversary::kind::send), 2u);

        std::array<std::byte, 30> into{};
        system.script(adversary::kind::receive, scripted_end::succeeds_when_cancelled(10));
        EXPECT_EQ(pair.first->read_exactly(into, 5ms, error), 10u);
        EXPECT_EQ(error, std::errc::timed_out);
        EXPECT_EQ(system.calls(adversary::kind::receive), 1u);
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
}

TEST_P(adversary_on, a_send_of_nothing_is_an_error_and_not_tried_for_ever) {
    runtime running(with_workers(GetParam()));
    running.run([] {
        adversary system(1, {.at_once = 0});
        stream_pair pair = make_pair(system);
        const auto data = make_bytes(30);
        std::error_code error;
        system.script(adversary::kind::send, scripted_end::succeeds_later(10));
        system.script(adversary::kind::send, scripted_end::succeeds_at_once(0));
        EXPECT_EQ(pair.first->write(data, {}, error), 10u);
        EXPECT_EQ(error, std::errc::io_error);
        EXPECT_EQ(system.calls(adversary::kind::send), 2u);

        const std::array<std::span<const std::byte>, 2> parts{std::span(data).first(5), std::span(data).subspan(5)};
        system.script(adversary::kind::send, scripted_end::succeeds_at_once(0));
        EXPECT_EQ(pair.first->write(parts, {}, error), 0u);
        EXPECT_EQ(error, std::errc::io_error);
        EXPECT_EQ(system.calls(adversary::kind::send), 3u);
    });
}

// ---- Each documented failure -------------------------------------------------------------------------------------

TEST_P(adversary_on, failures_at_once_are_reported_as_they_are) {
    runtime running(with_workers(GetParam()));
    running.run([&running] {
        adversary system(1, {.at_once = 0});
        stream_pair pair = make_pair(system);
        for (const int number :
             {WSAECONNABORTED, WSAECONNRESET, WSAEDISCON, WSAEFAULT, WSAEINTR, WSAEINVAL, WSAENETDOWN, WSAENETRESET,
              WSAENOTCONN, WSAENOTSOCK, WSAEOPNOTSUPP, WSAESHUTDOWN, WSAETIMEDOUT, WSAENOBUFS, WSAEACCES,
              WSANOTINITIALISED, WSAEMSGSIZE, WSAEHOSTUNREACH}) {
            const std::error_code expected(number, winsock_category());
            std::array<std::byte, 8> buffer{};
            std::error_code error;
            system.script(adversary::kind::receive, scripted_end::fails_at_once(static_cast<std::uint32_t>(number)));
            EXPECT_EQ(pair.first->read_some(buffer, {}, error), 0u);
            EXPECT_EQ(error, expected);
            system.script(adversary::kind::send, scripted_end::fails_at_once(static_cast<std::uint32_t>(number)));
            EXPECT_EQ(pair.first->write(buffer, {}, error), 0u);
            EXPECT_EQ(error, expected);
        }
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
}

TEST_P(adversary_on, failures_by_packet_are_reported_under_winsocks_numbers) {
    struct expectation {
        std::uint32_t status;
        int number;
    };
    const std::vector<expectation> all{
        {0xC000020D, WSAECONNRESET},         // STATUS_CONNECTION_RESET
        {0xC0000241, WSAECONNABORTED},       // STATUS_CONNECTION_ABORTED
        {0xC0000236, WSAECONNREFUSED},       // STATUS_CONNECTION_REFUSED
        {0xC00000B5, WSAETIMEDOUT},          // STATUS_IO_TIMEOUT
        {0xC000023C, WSAENETUNREACH},        // STATUS_NETWORK_UNREACHABLE
        {0xC000023D, WSAEHOSTUNREACH},       // STATUS_HOST_UNREACHABLE
        {0xC000009A, WSAENOBUFS},            // STATUS_INSUFFICIENT_RESOURCES
        {0xC0000120, WSA_OPERATION_ABORTED}, // STATUS_CANCELLED, by nobody of ours
    };
    runtime running(with_workers(GetParam()));
    running.run([&] {
        adversary system(1, {.at_once = 0});
        stream_pair pair = make_pair(system);
        for (const expectation& each : all) {
            std::array<std::byte, 8> buffer{};
            std::error_code error;
            system.script(adversary::kind::receive, scripted_end::fails_later(static_cast<std::int32_t>(each.status)));
            EXPECT_EQ(pair.first->read_some(buffer, {}, error), 0u);
            EXPECT_EQ(error, std::error_code(each.number, winsock_category())) << std::hex << each.status;
            system.script(adversary::kind::send, scripted_end::fails_later(static_cast<std::int32_t>(each.status)));
            EXPECT_EQ(pair.first->write(buffer, {}, error), 0u);
            EXPECT_EQ(error, std::error_code(each.number, winsock_category())) << std::hex << each.status;
        }
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
}

} // namespace
} // namespace moor::test
