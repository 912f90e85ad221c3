// Sending files over TCP, as users know it, on real sockets and files.
#include <moor/tcp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/runtime.hpp>
#include <moor/sendable_file.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "support/temporary_file.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::in_runtime;

// Contents that no shifted copy of themselves equals.
std::string numbers(std::size_t bytes) {
    std::string text;
    for (std::size_t number = 0; text.size() < bytes; ++number) {
        text += std::to_string(number) + ' ';
    }
    text.resize(bytes);
    return text;
}

std::string read_all(tcp_stream& from, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::error_code error;
    text.resize(from.read_exactly(std::as_writable_bytes(std::span(text)), 20s, error));
    EXPECT_FALSE(error) << error.message();
    return text;
}

// More than what the system takes from a sender whose peer does not read.
constexpr std::size_t much = std::size_t{32} << 20;

TEST(send_file, sends_all_or_a_part) {
    in_runtime(1, [] {
        const std::string contents = numbers(100'000);
        const test::temporary_file made(contents);
        const auto file = sendable_file::open(made.path());
        EXPECT_EQ(file.size(), contents.size());
        auto pair = test::make_tcp_pair();
        struct {
            std::uint64_t offset;
            std::uint64_t length;
            std::size_t sent;
        } const cases[] = {{0, tcp_stream::to_the_end, 100'000},
                           {0, 100'000, 100'000},
                           {5, 10, 10},
                           {99'999, 1, 1},
                           {99'990, 100, 10},
                           {1, tcp_stream::to_the_end, 99'999},
                           {5, 0, 0},
                           {100'000, 10, 0}};
        for (const auto& each : cases) {
            auto reader = spawn([&] { return read_all(pair.client, each.sent); });
            EXPECT_EQ(pair.server.send_file(file, each.offset, each.length, 20s), each.sent);
            EXPECT_EQ(reader.join(), contents.substr(each.offset, each.sent)) << each.offset << ' ' << each.length;
        }
        // What comes next is in its place.
        pair.server.write(std::as_bytes(std::span("end", 3)));
        EXPECT_EQ(read_all(pair.client, 3), "end");
    });
}

TEST(send_file, waits_for_the_reader) {
    in_runtime(2, [] {
        const std::string contents = numbers(much);
        const test::temporary_file made(contents);
        auto pair = test::make_tcp_pair();
        auto reader = spawn([&] {
            this_coroutine::sleep_for(10ms);
            return read_all(pair.client, contents.size()) == contents;
        });
        EXPECT_EQ(pair.server.send_file(sendable_file::open(made.path()), 0, tcp_stream::to_the_end, 60s), much);
        EXPECT_TRUE(reader.join());
    });
}

TEST(send_file, serves_many_from_one_file) {
    in_runtime(2, [] {
        const std::string contents = numbers(200'000);
        const test::temporary_file made(contents);
        const auto file = sendable_file::open(made.path());
        std::array<join_handle<bool>, 8> clients;
        for (auto& each : clients) {
            each = spawn([&] {
                auto pair = test::make_tcp_pair();
                auto server = spawn([&] { pair.server.send_file(file); });
                const bool same = read_all(pair.client, contents.size()) == contents;
                server.join();
                return same;
            });
        }
        for (auto& each : clients) {
            EXPECT_TRUE(each.join());
        }
    });
}

TEST(send_file, ends_by_deadline_stop_and_close) {
    in_runtime(2, [] {
        const test::temporary_file made(numbers(much));
        const auto file = sendable_file::open(made.path());
        std::error_code error;
        {
            auto pair = test::make_tcp_pair();
            EXPECT_LT(pair.server.send_file(file, 0, tcp_stream::to_the_end, 20ms, error), much);
            EXPECT_EQ(error, std::errc::timed_out);
        }
        {
            auto pair = test::make_tcp_pair();
            std::stop_source source;
            auto stopper = spawn([&] {
                this_coroutine::sleep_for(20ms);
                source.request_stop();
            });
            EXPECT_LT(pair.server.send_file(file, 0, tcp_stream::to_the_end, source.get_token(), error), much);
            EXPECT_EQ(error, std::errc::operation_canceled);
            stopper.join();
        }
        {
            auto pair = test::make_tcp_pair();
            auto closer = spawn([&] {
                this_coroutine::sleep_for(20ms);
                pair.server.close();
            });
            EXPECT_LT(pair.server.send_file(file, 0, tcp_stream::to_the_end, {}, error), much);
            EXPECT_EQ(error, std::errc::operation_canceled);
            closer.join();
            EXPECT_EQ(pair.server.send_file(file, 0, 10, {}, error), 0u);
            EXPECT_EQ(error, std::errc::operation_canceled);
        }
    });
}

TEST(send_file, reports_a_peer_that_is_gone) {
    in_runtime(2, [] {
        const test::temporary_file made(numbers(much));
        const auto file = sendable_file::open(made.path());
        auto pair = test::make_tcp_pair();
        auto killer = spawn([&] {
            this_coroutine::sleep_for(20ms);
            pair.client.reset();
        });
        std::error_code error;
        EXPECT_LT(pair.server.send_file(file, 0, tcp_stream::to_the_end, 20s, error), much);
        EXPECT_TRUE(error == std::errc::connection_reset || error == std::errc::connection_aborted ||
                    error == std::errc::broken_pipe)
            << error.message() << ' ' << error.value();
        killer.join();
    });
}

TEST(send_file, reports_what_is_no_file) {
    in_runtime(1, [] {
        auto pair = test::make_tcp_pair();
        std::error_code error;
        EXPECT_EQ(pair.server.send_file(sendable_file(), 0, 10, {}, error), 0u);
        EXPECT_EQ(error, std::errc::bad_file_descriptor);
        const test::temporary_file made("short");
        EXPECT_EQ(pair.server.send_file(sendable_file::open(made.path()), 6, 1, {}, error), 0u);
        EXPECT_EQ(error, std::errc::invalid_argument);
        tcp_stream none;
        EXPECT_EQ(none.send_file(sendable_file::open(made.path()), 0, 5, {}, error), 0u);
        EXPECT_EQ(error, std::errc::not_connected);
        EXPECT_THROW(pair.server.send_file(sendable_file()), std::system_error);
        // The connection is as good as before.
        EXPECT_EQ(pair.server.send_file(sendable_file::open(made.path())), 5u);
        EXPECT_EQ(read_all(pair.client, 5), "short");
    });
}

TEST(sendable_file, is_opened_owned_and_moved) {
    std::error_code error;
    const auto missing = sendable_file::open("there is no such file", error);
    EXPECT_EQ(error, std::errc::no_such_file_or_directory);
    EXPECT_FALSE(missing.is_open());
    EXPECT_EQ(missing.size(error), 0u);
    EXPECT_EQ(error, std::errc::bad_file_descriptor);
    EXPECT_THROW(static_cast<void>(sendable_file::open("there is no such file")), std::system_error);

    const test::temporary_file made("contents");
    auto file = sendable_file::open(made.path(), error);
    EXPECT_FALSE(error);
    EXPECT_EQ(file.size(error), 8u);
    auto other = std::move(file);
    EXPECT_FALSE(file.is_open());
    EXPECT_EQ(other.size(), 8u);
    void* const handle = other.native_handle();
    DWORD flags = 0;
    EXPECT_TRUE(::GetHandleInformation(handle, &flags));
    other = sendable_file();
    EXPECT_FALSE(::GetHandleInformation(handle, &flags));
    EXPECT_FALSE(sendable_file(INVALID_HANDLE_VALUE).is_open());
}

} // namespace
} // namespace moor
