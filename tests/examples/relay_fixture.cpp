#include "relay_fixture.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <moor/this_coroutine.hpp>

namespace frame_relay::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 5s;

template <class Condition>
bool within_patience(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) {
            return false;
        }
        moor::this_coroutine::sleep_for(5ms);
    }
    return true;
}

} // namespace

void on_runtime(const std::function<void(moor::runtime&)>& test) {
    moor::runtime runtime({.workers = 2});
    runtime.run([&] { test(runtime); });
}

running_relay::running_relay(moor::runtime& runtime, const relay_options& options, log_sink on_line)
    : runtime_(runtime) {
    const auto keep = [lines = lines_, told = std::move(on_line)](std::string_view line) {
        {
            const std::lock_guard guard(lines->lock);
            lines->all.emplace_back(line);
        }
        told(line);
    };
    server_ = std::make_shared<relay_server>(options, log_level::all, keep);
    const moor::listen_options listening;
    accepts_ = listening.outstanding_accepts;
    auto listener = moor::tcp_listener::bind({"127.0.0.1", 0}, listening);
    address_ = listener.local_endpoint();
    serving_ = moor::spawn({.name = "relay"},
                           [server = server_, bound = std::move(listener), stop = stopping_.get_token()]() mutable {
                               server->serve(std::move(bound), stop);
                           });
}

running_relay::~running_relay() { stop(); }

void running_relay::stop() {
    stopping_.request_stop();
    if (serving_.joinable()) {
        serving_.join();
    }
}

bool running_relay::logs(const std::vector<std::string>& parts) const {
    return within_patience([&] {
        const std::lock_guard guard(lines_->lock);
        return std::ranges::any_of(lines_->all, [&](const std::string& line) {
            return std::ranges::all_of(parts,
                                       [&](const std::string& part) { return line.find(part) != std::string::npos; });
        });
    });
}

std::string running_relay::log() const {
    const std::lock_guard guard(lines_->lock);
    std::string text;
    for (const std::string& line : lines_->all) {
        text += line + '\n';
    }
    return text;
}

bool running_relay::comes_to_rest() const {
    const bool at_rest =
        within_patience([this] { return counters().clients == 0 && runtime_.metrics().operations_in_use == accepts_; });
    EXPECT_TRUE(at_rest) << "clients " << counters().clients << ", operations " << runtime_.metrics().operations_in_use
                         << " with " << accepts_ << " accepts";
    return at_rest;
}

client_key key_number(unsigned char number) {
    client_key key;
    key.fill(static_cast<std::byte>(number));
    return key;
}

test_client::test_client(const moor::endpoint& relay)
    : stream_(moor::tcp_stream::connect(relay, patience)), decoder_(first_from_server, 1 << 24), buffer_(16 * 1024) {}

test_client::test_client(const moor::endpoint& relay, const client_key& key) : test_client(relay) { hello(key); }

void test_client::hello(const client_key& key) {
    write(make_client_hello(key));
    const frame answer = next();
    if (!answer || answer.type() != frame_type::server_hello) {
        throw std::system_error(std::make_error_code(std::errc::protocol_error), "no answer to the hello");
    }
    decoder_.accept(from_server);
}

void test_client::write(std::span<const std::byte> bytes) { stream_.write(bytes, patience); }

void test_client::send(const client_key& destination, std::string_view data) {
    frame sent = make_send(destination, data.size());
    std::ranges::copy(std::as_bytes(std::span(data)), sent.data().begin());
    write(sent);
}

frame test_client::next() {
    while (true) {
        codec_error malformed{};
        frame received = decoder_.next(unread_, malformed);
        if (received) {
            return received;
        }
        if (malformed != codec_error::none) {
            throw std::system_error(std::make_error_code(std::errc::protocol_error), std::string(to_string(malformed)));
        }
        const std::size_t count = stream_.read_some(buffer_, patience);
        if (count == 0) {
            return {};
        }
        unread_ = std::span(buffer_).first(count);
    }
}

std::string test_client::received_from(const client_key& source) {
    const frame received = next();
    if (!received || received.type() != frame_type::receive) {
        return fmt::format("frame of type {}", received ? static_cast<int>(received.type()) : 0);
    }
    if (received.key() != source) {
        return "frame from somebody else";
    }
    return {reinterpret_cast<const char*>(received.data().data()), received.data().size()};
}

std::optional<closing_reason> test_client::reason_for_the_end() {
    std::optional<closing_reason> reason;
    try {
        while (const frame received = next()) {
            if (received.type() == frame_type::closing) {
                reason = read_closing(received);
            }
        }
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::connection_reset) << error.what();
    }
    return reason;
}

bool test_client::is_served() {
    write(make_ping(0xabcdef));
    while (const frame received = next()) {
        if (received.type() == frame_type::pong) {
            return read_token(received) == 0xabcdef;
        }
    }
    return false;
}

} // namespace frame_relay::testing
