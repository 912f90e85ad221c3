// A server of docs/examples inside the test's process: its main() under another name, on a thread of its own. The test
// includes the program's source, so that it can set what the program keeps in variables.
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <fcntl.h>
#include <io.h>

#include <gtest/gtest.h>

#include <moor/endpoint.hpp>

namespace moor::test {

/// What a program writes to the standard output of the process while this lives.
class captured_output {
public:
    captured_output() {
        std::fflush(stdout);
        const int made = ::_pipe(ends_.data(), 4096, _O_BINARY | _O_NOINHERIT);
        EXPECT_EQ(made, 0);
        saved_ = ::_dup(output);
        ::_dup2(ends_[1], output);
    }
    ~captured_output() {
        std::fflush(stdout);
        ::_dup2(saved_, output);
        for (const int file : {saved_, ends_[0], ends_[1]}) {
            ::_close(file);
        }
    }
    captured_output(const captured_output&) = delete;
    captured_output& operator=(const captured_output&) = delete;

    /// Blocks until a whole line has been written; returns it without its end.
    [[nodiscard]] std::string next_line() {
        std::string line;
        char letter = 0;
        while (::_read(ends_[0], &letter, 1) == 1 && letter != '\n') {
            if (letter != '\r') {
                line += letter;
            }
        }
        return line;
    }

private:
    static constexpr int output = 1;

    std::array<int, 2> ends_{};
    int saved_ = -1;
};

class running_server {
public:
    /// Runs `program` with the port 0 as its argument until it says where it listens.
    explicit running_server(int (*program)(int, char**)) {
        captured_output output;
        thread_ = std::thread([this, program] {
            char name[] = "server";
            char port[] = "0";
            std::array<char*, 3> arguments{name, port, nullptr};
            status_ = program(2, arguments.data());
        });
        const std::string line = output.next_line();
        const std::string greeting = "listening on ";
        EXPECT_TRUE(line.starts_with(greeting)) << line;
        address_ = endpoint::parse(line.substr(greeting.size()));
    }
    ~running_server() {
        if (thread_.joinable()) {
            static_cast<void>(interrupt());
        }
    }
    running_server(const running_server&) = delete;
    running_server& operator=(const running_server&) = delete;

    [[nodiscard]] const endpoint& address() const noexcept { return address_; }

    /// What Ctrl-C does; returns the exit status when the program has ended. It has to end long before its connections
    /// would time out, which these tests let happen after a minute.
    [[nodiscard]] int interrupt() {
        const auto before = std::chrono::steady_clock::now();
        std::raise(SIGINT);
        thread_.join();
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
        return status_;
    }

private:
    endpoint address_;
    int status_ = -1;
    std::thread thread_; // last: it uses the others
};

} // namespace moor::test
