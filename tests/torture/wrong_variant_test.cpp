// The corruption of the original report, made on purpose: a receiving call whose lpFromlen lies in a frame that is gone
// when the datagram comes. The detector sees the report's sign, and sees nothing when the same call has the same
// parameters in its operation. Where it writes is known here, so that the process survives it.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>

#include "support/run.hpp"
#include "torture/datagram_receive.hpp"
#include "torture/planted.hpp"
#include "torture/stacks.hpp"
#include "win/compiler.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;

// Takes the place of whatever frame its caller's last callee had.
MOOR_NOINLINE bool finish_below_planted_words(begun_receive& call, udp_socket& sender, const endpoint& receiver,
                                              damage& found) {
    planted<256> words;
    const std::array<std::byte, 4> data{};
    sender.send_to(data, receiver);
    std::error_code error;
    const std::size_t count = call.finish(20s, error);
    words.look(found);
    return count == data.size();
}

constexpr unsigned rounds = 20;

// How many of the receiving calls ended well.
unsigned receive_in_rounds(address_family family, parameter_place place, damage& found) {
    auto receiver = udp_socket::bind(endpoint::loopback(family, 0));
    auto sender = udp_socket::bind(endpoint::loopback(family, 0));
    const endpoint to = receiver.local_endpoint();
    std::vector<std::byte> buffer(64);
    damage of_first; // it links the chunk of the data stack that all others find
    {
        begun_receive call(receiver, buffer, place);
        static_cast<void>(finish_below_planted_words(call, sender, to, of_first));
    }
    unsigned well = 0;
    for (unsigned round = 0; round != rounds; ++round) {
        begun_receive call(receiver, buffer, place); // before the datagram is sent: it has to be completed later
        well += finish_below_planted_words(call, sender, to, found) ? 1 : 0;
    }
    return well;
}

unsigned run_rounds(stack_kind stack, address_family family, parameter_place place, damage& found) {
    return in_runtime(1, [&] {
        return spawn({.name = "receiver", .stack = stack}, receive_in_rounds, family, place, std::ref(found)).join();
    });
}

class wrong_variant : public testing::TestWithParam<stack_kind> {};
INSTANTIATE_TEST_SUITE_P(on, wrong_variant, testing::ValuesIn(stack_kinds),
                         [](const testing::TestParamInfo<stack_kind>& tested) {
                             return std::string(name_of(tested.param));
                         });

TEST_P(wrong_variant, overwrites_the_upper_half_of_what_looks_like_a_return_address) {
    damage found;
    EXPECT_EQ(run_rounds(GetParam(), address_family::ipv4, parameter_place::popped_frame, found), rounds);
    EXPECT_EQ(found.late_writes.load(), rounds) << "one in each call";
    EXPECT_EQ(found.high_halves.load(), rounds);
    const std::uint64_t expected =
        std::uint64_t{sizeof(sockaddr_in)} << 32 | static_cast<std::uint32_t>(code_address());
    EXPECT_EQ(found.example.load(), expected) << std::hex << found.example.load();
    EXPECT_EQ(expected >> 32, 0x10u) << "the report's";
}

TEST_P(wrong_variant, writes_the_length_of_the_other_familys_addresses_too) {
    damage found;
    EXPECT_EQ(run_rounds(GetParam(), address_family::ipv6, parameter_place::popped_frame, found), rounds);
    EXPECT_EQ(found.high_halves.load(), rounds);
    EXPECT_EQ(found.example.load() >> 32, sizeof(sockaddr_in6));
}

TEST_P(wrong_variant, does_no_harm_with_its_parameters_in_the_operation) {
    damage found;
    EXPECT_EQ(run_rounds(GetParam(), address_family::ipv4, parameter_place::operation, found), rounds);
    EXPECT_EQ(found.late_writes.load(), 0u);
}

TEST(planted_words, tell_what_changed) {
    damage found;
    planted<8> words;
    words.look(found);
    EXPECT_EQ(found.late_writes.load(), 0u);
    auto* const halves = reinterpret_cast<volatile std::uint32_t*>(&words);
    halves[3] = 0x10;
    words.look(found);
    EXPECT_EQ(found.late_writes.load(), 1u);
    EXPECT_EQ(found.high_halves.load(), 1u);
    EXPECT_EQ(found.example.load(), std::uint64_t{0x10} << 32 | static_cast<std::uint32_t>(code_address()));
    halves[4] = 0;
    words.look(found);
    EXPECT_EQ(found.late_writes.load(), 2u);
    EXPECT_EQ(found.high_halves.load(), 1u);
    words.look(found);
    EXPECT_EQ(found.late_writes.load(), 2u) << "planted anew";
}

} // namespace
} // namespace moor::test
