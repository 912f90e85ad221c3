// Datagrams through operations, on real sockets: who sent them, what became of one that is longer than the buffer, and
// that each call has one packet and no more.
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <moor/endpoint.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "iocp/test_datagram_socket.hpp"
#include "support/run.hpp"

namespace moor::iocp {
namespace {

using namespace std::chrono_literals;
using datagram_socket = test_datagram_socket;

class datagram_calls : public testing::TestWithParam<address_family> {};
INSTANTIATE_TEST_SUITE_P(on, datagram_calls, testing::Values(address_family::ipv4, address_family::ipv6),
                         [](const testing::TestParamInfo<address_family>& tested) {
                             return std::string(tested.param == address_family::ipv4 ? "ipv4" : "ipv6");
                         });

TEST_P(datagram_calls, say_who_sent_what) {
    test::in_runtime(1, [] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        // There already, and waited for.
        EXPECT_EQ(one.send("first", other.address), 0u);
        auto first = other.receive(64);
        EXPECT_EQ(first.error, 0u);
        EXPECT_EQ(first.text, "first");
        EXPECT_EQ(first.sender, one.address);
        auto later = spawn([&] {
            this_coroutine::sleep_for(5ms);
            EXPECT_EQ(one.send("second", other.address), 0u);
        });
        auto second = other.receive(64);
        EXPECT_EQ(second.error, 0u);
        EXPECT_EQ(second.text, "second");
        EXPECT_EQ(second.sender, one.address);
        later.join();
    });
}

TEST_P(datagram_calls, report_what_was_cut_short_once) {
    runtime running(test::with_workers(1));
    running.run([] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        for (int round = 0; round < 20; ++round) {
            // By turns there already, when the call itself reports it, and waited for.
            auto sender = spawn([&, round] {
                if (round % 2 == 1) {
                    this_coroutine::sleep_for(2ms);
                }
                EXPECT_EQ(one.send("much too long", other.address), 0u);
                EXPECT_EQ(one.send("fits", other.address), 0u);
            });
            if (round % 2 == 0) {
                sender.join();
            }
            const auto cut = other.receive(4);
            EXPECT_EQ(cut.error, static_cast<std::uint32_t>(WSAEMSGSIZE));
            EXPECT_EQ(cut.text, "much");
            EXPECT_EQ(cut.sender, one.address);
            const auto whole = other.receive(64);
            EXPECT_EQ(whole.error, 0u);
            EXPECT_EQ(whole.text, "fits");
            if (sender.joinable()) {
                sender.join();
            }
        }
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u) << "a call had more than one packet";
}

// Wine ends such a call with a packet, Windows without one. The packet of one call must not end the next.
TEST_P(datagram_calls, report_what_is_too_long_to_be_sent_once) {
    runtime running(test::with_workers(1));
    running.run([] {
        datagram_socket one(GetParam());
        datagram_socket other(GetParam());
        const std::string too_long(70'000, 'x');
        for (int round = 0; round < 20; ++round) {
            EXPECT_EQ(one.send(too_long, other.address), static_cast<std::uint32_t>(WSAEMSGSIZE));
            EXPECT_EQ(one.send("fits", other.address), 0u);
            EXPECT_EQ(one.call->transferred(), 4u);
            EXPECT_EQ(other.receive(64).text, "fits");
        }
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u) << "a call had more than one packet";
}

TEST_P(datagram_calls, end_by_cancellation) {
    test::in_runtime(1, [] {
        datagram_socket alone(GetParam());
        std::array<std::byte, 8> buffer{};
        ASSERT_EQ(receive_from(*alone.call, alone.socket, buffer), submission::pending);
        EXPECT_EQ(io::await(*alone.call, win::io_handle(alone.socket), wait_limit(5ms)),
                  detail::wake_reason::timed_out);
        EXPECT_EQ(alone.call->error(), static_cast<std::uint32_t>(ERROR_OPERATION_ABORTED));
    });
}

} // namespace
} // namespace moor::iocp
