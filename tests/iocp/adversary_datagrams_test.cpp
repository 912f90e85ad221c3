// Datagrams under a system that is as unkind as its contract allows: senders, sizes and errors are what they were, and
// no pattern of the adversary's lies anywhere but in operations while calls are pending and after them.
#include "support/adversary.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "net/datagram_socket.hpp"
#include "support/bytes.hpp"
#include "support/eventually.hpp"
#include "support/every_call.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using offences = std::vector<std::string>;
using datagrams = std::unique_ptr<detail::datagram_socket, io::close_and_release>;

datagrams make_socket(adversary& system, const endpoint& address) {
    return datagrams(new detail::datagram_socket(system.make_datagram_socket(address), *io::current_io().service,
                                                 net::datagram_families{address.family(), false}, true));
}

endpoint address_of(std::uint32_t number) {
    return number % 2 == 0 ? endpoint("10.1.1.1", static_cast<std::uint16_t>(1000 + number))
                           : endpoint("fd00::1", static_cast<std::uint16_t>(1000 + number));
}

constexpr std::uint32_t sockets = 4;
constexpr std::size_t longest = 600;
constexpr std::size_t end_mark = 1; // a datagram of that size is a sender's last

// Sends datagrams whose bytes depend on sender and place, to everybody in turn.
void send_all(detail::datagram_socket& from, std::uint32_t number, std::uint32_t seed, std::uint32_t rounds) {
    std::minstd_rand random(seed);
    for (std::uint32_t round = 0; round < rounds; ++round) {
        const auto data = make_bytes(2 + random() % (longest - 1), 0, number);
        std::error_code error;
        const endpoint to = address_of(round % sockets);
        if (round % 3 == 0) {
            const std::array<std::span<const std::byte>, 2> parts{std::span(data).first(1), std::span(data).subspan(1)};
            message_options options;
            options.hop_limit = std::uint8_t{9};
            from.send_message(parts, to, options, {}, error);
        } else {
            from.send_to(data, to, {}, error);
        }
        ASSERT_FALSE(error) << error.message();
    }
    for (std::uint32_t to = 0; to < sockets; ++to) {
        std::error_code error;
        from.send_to(make_bytes(end_mark, 0, number), address_of(to), {}, error);
        ASSERT_FALSE(error) << error.message();
    }
}

struct tally {
    std::uint64_t whole = 0;
    std::uint64_t truncated = 0;
    std::uint64_t timed_out = 0;
};

// Takes datagrams until every sender has said its last word.
void receive_all(detail::datagram_socket& from, std::uint32_t seed, tally& seen) {
    std::minstd_rand random(seed);
    for (std::uint32_t ended = 0; ended < sockets;) {
        std::array<std::byte, longest + 64> around;
        around.fill(std::byte{0xa7});
        const auto buffer = std::span(around).subspan(32, 40 + random() % (longest - 39));
        wait_limit limit;
        if (random() % 3 == 0) {
            limit = wait_limit(std::chrono::microseconds(random() % 1500));
        }
        std::error_code error;
        received_datagram taken;
        if (random() % 2 == 0) {
            const std::array<std::span<std::byte>, 2> parts{buffer.first(30), buffer.subspan(30)};
            taken = from.receive_message(parts, limit, error);
        } else {
            taken = from.receive_from(buffer, limit, error);
        }
        const auto is_guard = [](std::byte each) { return each == std::byte{0xa7}; };
        ASSERT_TRUE(std::all_of(around.begin(), around.begin() + 32, is_guard));
        ASSERT_TRUE(std::all_of(buffer.data() + buffer.size(), around.data() + around.size(), is_guard));
        if (error) {
            ASSERT_EQ(error, std::errc::timed_out) << error.message();
            ++seen.timed_out;
            continue;
        }
        const auto sender = static_cast<std::uint32_t>(taken.sender.port() - 1000);
        ASSERT_LT(sender, sockets);
        ASSERT_EQ(taken.sender, address_of(sender));
        ASSERT_EQ(matching(buffer.first(taken.bytes), 0, sender), taken.bytes);
        ASSERT_TRUE(!taken.truncated || taken.bytes == buffer.size());
        ++(taken.truncated ? seen.truncated : seen.whole);
        ended += taken.bytes == end_mark ? 1 : 0;
    }
}

class adversary_datagrams : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, adversary_datagrams, testing::Values(1u, 2u));

TEST_P(adversary_datagrams, arrive_from_who_sent_them) {
    const std::uint32_t seed = test_seed();
    runtime running(with_workers(GetParam()));
    running.run([&] {
        constexpr std::uint32_t rounds = 400;
        adversary system(seed);
        std::vector<datagrams> all;
        for (std::uint32_t number = 0; number < sockets; ++number) {
            all.push_back(make_socket(system, address_of(number)));
        }
        std::array<tally, sockets> seen;
        std::vector<join_handle<void>> running_now;
        for (std::uint32_t number = 0; number < sockets; ++number) {
            running_now.push_back(spawn([&, number] { receive_all(*all[number], seed + number, seen[number]); }));
            running_now.push_back(spawn([&, number] { send_all(*all[number], number, seed + 100 + number, rounds); }));
        }
        for (auto& each : running_now) {
            each.join();
        }
        tally sum;
        for (const tally& each : seen) {
            sum.whole += each.whole;
            sum.truncated += each.truncated;
            sum.timed_out += each.timed_out;
        }
        std::printf("[ datagrams] %llu whole, %llu cut short, %llu time-outs; outputs overwritten %llu times\n",
                    sum.whole, sum.truncated, sum.timed_out, system.scribbles());
        EXPECT_EQ(sum.whole + sum.truncated, sockets * (rounds + sockets)) << "lost to a deadline, or doubled";
        EXPECT_NE(sum.truncated, 0u);
        EXPECT_EQ(system.offences(), offences{});
        EXPECT_EQ(system.pending(), 0u);
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u);
}

// Every call waits while the stack below it is used by what it calls; its outputs are overwritten; all memory is
// searched, and searched again after the call.
TEST(adversary_patterns, lie_in_operations_alone) {
    runtime running(with_workers(1));
    running.run([&] {
        for (const overlapped_call& each : every_call()) {
            adversary system(1, {.by_hand = true});
            auto unowned = win::unique_socket::open(AF_INET, each.takes_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
            const std::unique_ptr<any_socket, io::close_and_release> socket(new any_socket(std::move(unowned)));
            auto waiting = spawn([&] {
                bool intact = false;
                std::error_code error;
                EXPECT_EQ(each.run(*socket, {}, error, intact), each.bytes) << each.name;
                EXPECT_FALSE(error) << each.name << error.message();
                EXPECT_TRUE(intact) << each.name;
            });
            ASSERT_TRUE(eventually([&] { return system.pending_on(socket->handle()) == 1; })) << each.name;
            EXPECT_EQ(system.search_memory(), offences{}) << each.name << " is pending";
            EXPECT_TRUE(system.end_call(socket->handle(), scripted_end::succeeds_later(each.bytes)));
            waiting.join();
            EXPECT_EQ(system.search_memory(), offences{}) << "after " << each.name;
            EXPECT_EQ(system.offences(), offences{}) << each.name;
            EXPECT_EQ(system.calls(each.kind), 1u) << each.name;
        }
    });
    std::printf("[ patterns ] %zu calls\n", every_call().size());
}

} // namespace
} // namespace moor::test
