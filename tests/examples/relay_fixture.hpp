// A relay in the test's own process, and a client that can be told to behave in any way.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <moor/endpoint.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>

#include "frame_codec.hpp"
#include "relay_server.hpp"

namespace frame_relay::testing {

/// Runs `test` on a coroutine of a runtime with two workers.
void on_runtime(const std::function<void(moor::runtime&)>& test);

/// Serves from its construction to stop() or its destruction. Only on a coroutine.
class running_relay {
public:
    /// `on_line` gets each line of the log once it is kept.
    running_relay(
        moor::runtime& runtime, const relay_options& options, log_sink on_line = [](std::string_view) {});
    ~running_relay();
    running_relay(const running_relay&) = delete;
    running_relay& operator=(const running_relay&) = delete;

    [[nodiscard]] const moor::endpoint& address() const noexcept { return address_; }
    [[nodiscard]] relay_counters counters() const noexcept { return server_->counters(); }

    /// What Ctrl-C does; returns when all sessions have ended.
    void stop();

    /// Whether a line of the log that contains all of `parts` is there within five seconds.
    [[nodiscard]] bool logs(const std::vector<std::string>& parts) const;
    [[nodiscard]] std::string log() const;

    /// Whether within five seconds nobody is connected and no operation is in use but the outstanding accepts.
    [[nodiscard]] bool comes_to_rest() const;

private:
    struct lines {
        std::mutex lock;
        std::vector<std::string> all; // guarded by lock
    };

    moor::runtime& runtime_;
    std::shared_ptr<lines> lines_ = std::make_shared<lines>();
    std::shared_ptr<relay_server> server_;
    std::stop_source stopping_;
    moor::endpoint address_;
    unsigned accepts_ = 0;
    moor::join_handle<void> serving_;
};

/// A key that is `number` in all bytes.
[[nodiscard]] client_key key_number(unsigned char number);

/// A connection to the relay. Calls throw std::system_error, timed_out when nothing happens for five seconds.
class test_client {
public:
    /// Connects without a word.
    explicit test_client(const moor::endpoint& relay);
    /// Connects, says hello with the key and waits for the answer.
    test_client(const moor::endpoint& relay, const client_key& key);

    void write(std::span<const std::byte> bytes);
    void write(const frame& written) { write(written.wire()); }
    void send(const client_key& destination, std::string_view data);
    void hello(const client_key& key);

    /// The next frame, whatever it is; an empty one when the relay has closed the connection.
    [[nodiscard]] frame next();
    /// The data of the next frame, which has to come from `source`.
    [[nodiscard]] std::string received_from(const client_key& source);
    /// Reads to the end of the connection; what the relay gave as the reason, if it did.
    [[nodiscard]] std::optional<closing_reason> reason_for_the_end();

    /// Whether a ping is answered.
    [[nodiscard]] bool is_served();

    [[nodiscard]] moor::tcp_stream& stream() noexcept { return stream_; }

private:
    moor::tcp_stream stream_;
    frame_decoder decoder_;
    std::vector<std::byte> buffer_;
    std::span<const std::byte> unread_;
};

} // namespace frame_relay::testing
