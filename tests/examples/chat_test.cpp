// The chat example with clients of moor. tests/examples/chat_from_host.sh is the test with nc and a real Ctrl-C.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <moor/moor.hpp>

#include "running_server.hpp"
#include "support/run.hpp"

#define main chat_main
#include "chat/chat.cpp"
#undef main

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::in_runtime;
using test::running_server;

class chat_example : public testing::Test {
protected:
    void SetUp() override {
        ctrl_c = std::stop_source();
        idle_time = 60s;
    }
};

class client {
public:
    client(const running_server& server, const std::string& name)
        : stream_(tcp_stream::connect(server.address(), 30s)) {
        write(name);
    }

    void write(const std::string& line) {
        const std::string whole = line + '\n';
        stream_.write(std::as_bytes(std::span(whole)), 30s);
    }

    /// The next line, or "(closed)" when the server has closed the connection. (That it comes as a reset means that the
    /// server had not read all of it.)
    std::string next_line() {
        std::size_t end = 0;
        while ((end = unread_.find('\n')) == std::string::npos) {
            std::array<char, 4096> buffer;
            std::error_code error;
            const std::size_t count = stream_.read_some(std::as_writable_bytes(std::span(buffer)), 30s, error);
            if (error && error != std::errc::connection_reset) {
                throw std::system_error(error);
            }
            if (count == 0) {
                return "(closed)";
            }
            unread_.append(buffer.data(), count);
        }
        std::string line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        return line;
    }

    void close() { stream_.close(); }

private:
    tcp_stream stream_;
    std::string unread_;
};

TEST_F(chat_example, sends_each_line_to_all_and_ends_at_ctrl_c) {
    running_server server(&chat_main);
    in_runtime(1, [&] {
        client ann(server, "ann");
        EXPECT_EQ(ann.next_line(), "* ann has joined");
        client bob(server, "bob");
        EXPECT_EQ(ann.next_line(), "* bob has joined");
        EXPECT_EQ(bob.next_line(), "* bob has joined");
        client carl(server, "carl");
        for (client* const each : {&ann, &bob, &carl}) {
            EXPECT_EQ(each->next_line(), "* carl has joined");
        }
        ann.write("hello");
        for (client* const each : {&ann, &bob, &carl}) {
            EXPECT_EQ(each->next_line(), "ann: hello");
        }
        bob.write("one");
        bob.write("two");
        for (client* const each : {&ann, &bob, &carl}) {
            EXPECT_EQ(each->next_line(), "bob: one");
            EXPECT_EQ(each->next_line(), "bob: two");
        }
        carl.close();
        for (client* const each : {&ann, &bob}) {
            EXPECT_EQ(each->next_line(), "* carl has left");
        }
        EXPECT_EQ(server.interrupt(), 0);
        for (client* const each : {&ann, &bob}) {
            EXPECT_EQ(each->next_line(), "* the server shuts down");
            EXPECT_EQ(each->next_line(), "(closed)");
        }
    });
}

TEST_F(chat_example, disconnects_a_client_that_stays_silent) {
    idle_time = 1s;
    running_server server(&chat_main);
    in_runtime(1, [&] {
        client silent(server, "silent");
        EXPECT_EQ(silent.next_line(), "* silent has joined");
        EXPECT_EQ(silent.next_line(), "(closed)");
    });
    EXPECT_EQ(server.interrupt(), 0);
}

TEST_F(chat_example, disconnects_a_client_that_does_not_read) {
    running_server server(&chat_main);
    in_runtime(1, [&] {
        client fast(server, "fast");
        EXPECT_EQ(fast.next_line(), "* fast has joined");
        client stuck(server, "stuck");
        EXPECT_EQ(fast.next_line(), "* stuck has joined");
        const std::string line(4000, 'x');
        std::string answer;
        int lines = 0;
        // One at a time: what fast has sent comes back before it sends more, so its own queue never fills.
        do {
            fast.write(line);
            answer = fast.next_line();
            ++lines;
        } while (answer == "fast: " + line && lines < 100'000);
        EXPECT_EQ(answer, "* stuck has left") << "after " << lines << " lines";
        EXPECT_GT(lines, static_cast<int>(queued_lines));
    });
    EXPECT_EQ(server.interrupt(), 0);
}

TEST_F(chat_example, refuses_a_line_without_an_end) {
    running_server server(&chat_main);
    in_runtime(1, [&] {
        client endless(server, std::string(longest_line + 1024, 'x'));
        EXPECT_EQ(endless.next_line(), "(closed)");
    });
    EXPECT_EQ(server.interrupt(), 0);
}

} // namespace
} // namespace moor
