// The operations under a system that is as unkind as its contract allows: nothing is lost, nothing is written where it
// must not be, and every operation returns to its pool. Seeds are printed; MOOR_TEST_SEED repeats a run.
#include "support/adversary.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"
#include "support/simulated_streams.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t bytes_per_stream = 40'000;

class adversary_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, adversary_on, testing::Values(1u, 2u));

TEST_P(adversary_on, streams_arrive_whole) {
    const std::uint32_t seed = test_seed();
    for (const bool skip_packets : {true, false}) {
        runtime running(with_workers(GetParam()));
        running.run([&] {
            adversary system(seed, {.skip_packets = skip_packets});
            constexpr std::uint32_t streams = 4;
            std::vector<simulated_pair> pairs;
            std::array<std::atomic<std::uint64_t>, streams> written{};
            std::vector<join_handle<void>> readers;
            std::vector<join_handle<void>> writers;
            for (std::uint32_t number = 0; number < streams; ++number) {
                pairs.push_back(make_simulated_pair(system));
            }
            for (std::uint32_t number = 0; number < streams; ++number) {
                simulated_pair& pair = pairs[number];
                readers.push_back(spawn([&pair, &written, number, seed] {
                    const auto read = read_in_pieces(*pair.second, number, seed + number, [](std::uint64_t) {});
                    EXPECT_EQ(read.fault, nullptr) << read.fault << " near byte " << read.bytes << ", " << read.error;
                    EXPECT_EQ(read.bytes, written[number]);
                }));
                writers.push_back(spawn([&, number] {
                    const auto sent = write_in_pieces(*pair.first, number, seed + 100 + number,
                                                      [](std::uint64_t bytes) { return bytes < bytes_per_stream; });
                    EXPECT_EQ(sent.fault, nullptr) << sent.fault << ", " << sent.error;
                    written[number] = sent.bytes;
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
        simulated_pair pair = make_simulated_pair(system);
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
            simulated_pair pair = make_simulated_pair(system);
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
            simulated_pair pair = make_simulated_pair(system);
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
        simulated_pair pair = make_simulated_pair(system);
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
        simulated_pair pair = make_simulated_pair(system);
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
        simulated_pair pair = make_simulated_pair(system);
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
        simulated_pair pair = make_simulated_pair(system);
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
