// The echo example with clients of moor. tests/examples/echo_from_host.sh is the test with a real Ctrl-C.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <moor/moor.hpp>

#include "running_server.hpp"
#include "support/run.hpp"

#define main echo_main
#include "echo/echo.cpp"
#undef main

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::in_runtime;
using test::running_server;

class echo_example : public testing::Test {
protected:
    void SetUp() override {
        ctrl_c = std::stop_source();
        idle_time = 60s;
    }
};

std::string ask(tcp_stream& server, std::string_view question) {
    server.write(std::as_bytes(std::span(question)), 30s);
    std::string answer(question.size(), ' ');
    server.read_exactly(std::as_writable_bytes(std::span(answer)), 30s);
    return answer;
}

TEST_F(echo_example, answers_and_ends_at_ctrl_c) {
    running_server server(&echo_main);
    in_runtime(1, [&] {
        auto one = tcp_stream::connect(server.address(), 30s);
        auto other = tcp_stream::connect(server.address(), 30s);
        EXPECT_EQ(ask(one, "first"), "first");
        EXPECT_EQ(ask(other, "second"), "second");
        EXPECT_EQ(ask(one, "third"), "third");
        one.close();
        EXPECT_EQ(ask(other, "still connected"), "still connected");
        EXPECT_EQ(server.interrupt(), 0); // blocks the only worker, which has nothing else to do
    });
}

TEST_F(echo_example, disconnects_a_peer_that_stays_silent) {
    idle_time = 1s;
    running_server server(&echo_main);
    in_runtime(1, [&] {
        auto silent = tcp_stream::connect(server.address(), 30s);
        std::array<std::byte, 16> buffer;
        EXPECT_EQ(silent.read_some(buffer, 30s), 0u);
    });
    EXPECT_EQ(server.interrupt(), 0);
}

} // namespace
} // namespace moor
