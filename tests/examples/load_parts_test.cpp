// The load generator must not be trusted blindly: its messages have to notice every changed byte, and its percentiles
// have to be right, or "corrupted=0" and "p99=…" mean nothing.
#include "load/latency_histogram.hpp"
#include "load/message.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "command_line.hpp"

namespace frame_relay {
namespace {

using namespace std::chrono_literals;

const message sample{
    .source = 3, .destination = 9, .sequence = 41, .acknowledged = 17, .sent_at = 123456789, .carries_data = true};

TEST(load_message, is_read_back) {
    const message_plan plan(1, 64, 300);
    for (std::uint64_t sequence = 0; sequence < 500; ++sequence) {
        message sent = sample;
        sent.sequence = sequence;
        sent.carries_data = sequence % 3 != 0;
        std::vector<std::byte> bytes(plan.size_of(sent));
        ASSERT_GE(bytes.size(), sent.carries_data ? 64u : message_head_size);
        ASSERT_LE(bytes.size(), 300u);
        plan.write(sent, bytes);
        message received;
        ASSERT_TRUE(plan.read(bytes, received));
        ASSERT_EQ(received, sent);
    }
}

TEST(load_message, every_flipped_bit_is_noticed) {
    const message_plan plan(2, 97, 97);
    std::vector<std::byte> bytes(plan.size_of(sample));
    plan.write(sample, bytes);
    message received;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        bytes[bit / 8] ^= std::byte{1} << bit % 8;
        ASSERT_FALSE(plan.read(bytes, received)) << "bit " << bit;
        bytes[bit / 8] ^= std::byte{1} << bit % 8;
    }
    ASSERT_TRUE(plan.read(bytes, received));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ASSERT_FALSE(plan.read(std::span(bytes).first(size), received)) << "cut to " << size;
    }
    EXPECT_FALSE(message_plan(3, 97, 97).read(bytes, received)) << "another seed";
}

TEST(load_message, keys_name_their_client) {
    const message_plan plan(5, 64, 64);
    EXPECT_EQ(message_plan::index_of(plan.key_of(1234)), 1234u);
    EXPECT_NE(plan.key_of(1), plan.key_of(2));
    EXPECT_NE(plan.key_of(1), message_plan(6, 64, 64).key_of(1));
}

TEST(latency_histogram, percentiles_are_within_a_sixteenth) {
    latency_histogram histogram;
    EXPECT_EQ(histogram.percentile(0.5), 0ns);
    for (int i = 1; i <= 1000; ++i) {
        histogram.record(std::chrono::microseconds(i));
    }
    EXPECT_EQ(histogram.count(), 1000u);
    for (const int percent : {1, 50, 90, 99, 100}) {
        const auto exact = std::chrono::nanoseconds(percent * 10us);
        const auto found = histogram.percentile(percent / 100.0);
        EXPECT_GE(found, exact) << percent;
        EXPECT_LE(found, exact + exact / 15) << percent;
    }
}

TEST(latency_histogram, takes_every_value) {
    latency_histogram histogram;
    histogram.record(-5ns);
    EXPECT_EQ(histogram.percentile(1), 0ns);
    for (unsigned bits = 0; bits < 63; ++bits) {
        histogram.record(std::chrono::nanoseconds(std::int64_t{1} << bits));
    }
    histogram.record(std::chrono::nanoseconds::max());
    EXPECT_EQ(histogram.count(), 65u);
    EXPECT_EQ(histogram.percentile(1), std::chrono::nanoseconds::max());
}

TEST(command_line, takes_what_it_knows_and_nothing_else) {
    const char* const words[] = {"program", "--clients", "12",       "--payload",
                                 "16-900",  "--chaos",   "--server", "[::1]:80"};
    command_line line(8, words);
    EXPECT_EQ(line.take_number("--clients", 50, {1, 100}), 12u);
    EXPECT_EQ(line.take_number("--seconds", 10, {1, 100}), 10u);
    const number_range payload = line.take_range("--payload", {1, 2}, {0, 1000});
    EXPECT_EQ(payload.least, 16u);
    EXPECT_EQ(payload.most, 900u);
    EXPECT_TRUE(line.take_flag("--chaos"));
    EXPECT_FALSE(line.take_flag("--help"));
    EXPECT_THROW(line.expect_end(), usage_error);
    EXPECT_EQ(line.take_text("--server"), "[::1]:80");
    EXPECT_NO_THROW(line.expect_end());
}

TEST(command_line, complaints_name_the_option) {
    const auto complaint = [](const char* value) {
        const char* const words[] = {"program", "--clients", value};
        command_line line(3, words);
        try {
            (void)line.take_number("--clients", 50, {1, 100});
        } catch (const usage_error& error) {
            return std::string(error.what());
        }
        return std::string("none");
    };
    EXPECT_EQ(complaint("7"), "none");
    EXPECT_EQ(complaint("0"), "--clients wants a number from 1 to 100, not '0'");
    EXPECT_EQ(complaint("7x"), "--clients wants a number from 1 to 100, not '7x'");
    EXPECT_EQ(complaint("-3"), "--clients wants a number from 1 to 100, not '-3'");
    EXPECT_EQ(complaint("99999999999999999999"), "--clients wants a number from 1 to 100, not '99999999999999999999'");
    const char* const words[] = {"program", "--listen"};
    command_line line(2, words);
    EXPECT_THROW((void)line.take_text("--listen"), usage_error);
    const char* const reversed[] = {"program", "--payload", "9-3"};
    command_line wrong(3, reversed);
    EXPECT_THROW((void)wrong.take_range("--payload", {1, 2}, {0, 10}), usage_error);
}

} // namespace
} // namespace frame_relay
