// An HTTP server on movable stacks whose pages are full of what is innocent on any other stack, under load: every byte
// of every answer is compared with what the same request gets on a stack that stays. MOOR_HTTP_REQUESTS is the number
// of requests (cmake -P cmake/nightly.cmake: 100,000).
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/moor.hpp>

#include "stack/http_handler/pages.hpp"
#include "stack/http_handler/session.hpp"
#include "stack/on_movable.hpp"

namespace moor::test {
namespace {

constexpr unsigned numbers = 16; // of the query, from 0
constexpr unsigned clients = 16;

unsigned requests_wanted() {
    const char* const wanted = std::getenv("MOOR_HTTP_REQUESTS");
    return wanted != nullptr ? static_cast<unsigned>(std::strtoul(wanted, nullptr, 10)) : 5000;
}

std::string request_text(std::string_view path, unsigned number, unsigned id) {
    const std::string body = "to be or not to be " + std::to_string(number);
    return "POST " + std::string(path) + "?n=" + std::to_string(number) +
           " HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain, */*\r\n" + "X-Id: " + std::to_string(id) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// What does not depend on the machine, for one number: that the answers are alike on all stacks would not say that they
// are right.
TEST(http_handler, answers_what_it_should) {
    const std::vector<std::pair<std::string_view, std::string_view>> expected{
        {"/headers", "Accept=text/plain, */*;Content-Length=20;Host=localhost;X-Id=1;"},
        {"/words", "7:1 be:2 not:1 or:1 to:2 7btnobt 14 7 BE NOT OR TO"},
        {"/tree", "40 nodes, depth 6"},
        {"/stop", "before,after"},
        {"/generator", "8 10 12 14 16 28 "},
        {"/children", "49 + 64 + 81 + 100 = 294, 1111"},
        {"/regex", "7/item"},
        {"/numbers", "3.25 7.25 end|00007 7.250 text|7.250000|7000|    7.250x7|17"},
        {"/time", "Thu, 08 Jan 1970 01:01:01 GMT"},
        {"/paths", "data/part7/index.html .html,data,part7,index.html"},
        {"/exceptions", "left,level 1 saw level 0,left,level 2 saw level 0,left,level 3 saw level 0,left,level 0"},
        {"/variants", "7;3.5;'text7';[7 7 7];text7"},
        {"/nowhere", ""},
    };
    for (const stack_kind stack : {stack_kind::reserved, stack_kind::movable}) {
        for (const auto& [asked, body] : expected) {
            const std::string answer = in_runtime(1, [&, path = asked] {
                return spawn({.stack = stack}, [path] { return answer_http(request_text(path, 7, 1)); }).join();
            });
            EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), body) << asked;
        }
    }
}

class load {
public:
    explicit load(unsigned requests) : requests_(requests) {
        for (const http_page& page : http_pages()) {
            for (unsigned number = 0; number < numbers; ++number) {
                const std::string answer =
                    spawn({}, [&page, number] { return answer_http(request_text(page.path, number, 0)); }).join();
                expected_[page.path].push_back(answer);
            }
        }
    }

    void run() {
        tcp_listener listener = tcp_listener::bind({"127.0.0.1", 0});
        auto accepting = spawn([&] {
            task_group sessions;
            for (unsigned count = 0; count < clients; ++count) {
                sessions.spawn(spawn_options{.name = "session", .stack = stack_kind::movable}, serve_http,
                               listener.accept());
            }
            sessions.wait();
        });
        task_group running;
        for (unsigned client = 0; client < clients; ++client) {
            running.spawn([&, client] { ask(listener.local_endpoint(), client); });
        }
        running.wait();
        accepting.join();
    }

    [[nodiscard]] unsigned answered() const noexcept { return answered_; }
    [[nodiscard]] unsigned wrong() const noexcept { return wrong_; }
    [[nodiscard]] const std::string& first_wrong() const noexcept { return first_wrong_; }

private:
    void ask(const endpoint& server, unsigned client) {
        tcp_stream stream = tcp_stream::connect(server);
        std::string received;
        for (unsigned id = client; id < requests_; id += clients) {
            const http_page& page = http_pages()[id / clients % http_pages().size()];
            const unsigned number = (id / clients / static_cast<unsigned>(http_pages().size()) + client) % numbers;
            const std::string text = request_text(page.path, number, id);
            stream.write(std::as_bytes(std::span(text)));
            compare(with_id(expected_.at(page.path)[number], id), stream, text);
        }
    }

    // The expected answer is one to a request with the number 0.
    static std::string with_id(std::string answer, unsigned id) {
        const std::string_view none = "X-Id: 0\r\n";
        const std::string ours = "X-Id: " + std::to_string(id) + "\r\n";
        answer.replace(answer.find(none), none.size(), ours);
        if (const std::size_t again = answer.find("X-Id=0;");
            again != answer.npos) { // among the headers of the request
            answer.replace(again, 7, "X-Id=" + std::to_string(id) + ";");
            const std::string_view length = "Content-Length: ";
            const std::size_t at = answer.find(length) + length.size();
            const std::size_t body = answer.size() - answer.find("\r\n\r\n") - 4;
            answer.replace(at, answer.find("\r\n", at) - at, std::to_string(body));
        }
        return answer;
    }

    void compare(const std::string& expected, tcp_stream& stream, const std::string& asked) {
        std::string answer(expected.size(), '\0');
        stream.read_exactly(std::as_writable_bytes(std::span(answer)));
        ++answered_;
        if (answer != expected && wrong_++ == 0) {
            first_wrong_ = "asked:\n" + asked + "\nexpected:\n" + expected + "\ngot:\n" + answer;
        }
    }

    unsigned requests_;
    std::map<std::string_view, std::vector<std::string>> expected_;
    std::atomic<unsigned> answered_ = 0;
    std::atomic<unsigned> wrong_ = 0;
    std::string first_wrong_; // written by the first one only, read after the load
};

TEST(http_handler, answers_every_request_while_stacks_move) {
    runtime running(with_workers(2));
    running.run([] {
        load tried(requests_wanted());
        tried.run();
        EXPECT_EQ(tried.answered(), requests_wanted());
        EXPECT_EQ(tried.wrong(), 0u) << tried.first_wrong();
    });
    const runtime_metrics counted = running.metrics();
    EXPECT_GT(counted.stack_copies, moves_without_need() ? requests_wanted() : clients); // at least, each grows once
    EXPECT_EQ(counted.audit_findings, 0u);
    std::printf("[   load   ] %u requests, %llu moves\n", requests_wanted(),
                static_cast<unsigned long long>(counted.stack_copies));
}

} // namespace
} // namespace moor::test
