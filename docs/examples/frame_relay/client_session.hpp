// One connection, from accept to close: a reader coroutine, which is the session itself, and a writer coroutine, which
// it starts once the hello has come. Everything they share is in this heap object; nothing points into either stack, so
// both may run on stacks that move.
//
// How a session ends, whoever ends it: relay_client::end() records the cause and closes the outbox; the writer sees
// that, writes what is still queued and a closing frame, and closes the connection; the reader's call ends by that, and
// the reader joins the writer. Only the reader may shorten this, by closing the connection under a writer that is
// stuck.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <moor/spawn.hpp>
#include <moor/tcp.hpp>

#include "frame_codec.hpp"
#include "relay_client.hpp"
#include "relay_context.hpp"

namespace frame_relay {

class client_session {
public:
    /// `relay` outlives the session. `number` names the connection in the log.
    client_session(relay_context& relay, moor::tcp_stream stream, std::uint64_t number);
    ~client_session();
    client_session(const client_session&) = delete;
    client_session& operator=(const client_session&) = delete;

    /// The reader coroutine: returns when the connection is closed and the writer has ended. A request to stop this
    /// coroutine ends the session as "relay shuts down".
    void run();

private:
    using clock = std::chrono::steady_clock;

    // Reader.
    void serve();
    [[nodiscard]] bool read_hello();
    [[nodiscard]] frame next_frame();
    [[nodiscard]] bool read_more();
    [[nodiscard]] bool read_into_buffer(clock::time_point alarm);
    [[nodiscard]] clock::time_point next_alarm() const noexcept;
    [[nodiscard]] bool raise_alarm();
    void handle(frame&& received);
    void forward(frame&& sent);
    void finish() noexcept;

    // Writer.
    void run_writer();
    void write_frames();
    [[nodiscard]] bool collect_batch();
    void say_farewell() noexcept;

    void end_for(const std::error_code& error);
    template <class Make>
    void log(bool problem, const Make& make_text) const noexcept;

    relay_context& relay_;
    const std::uint64_t number_;
    moor::tcp_stream stream_; // read by the reader, written by the writer; closed by the writer, or by finish()
    std::string peer_;
    const std::shared_ptr<relay_client> client_;
    moor::join_handle<void> writer_;

    // The reader's.
    frame_decoder decoder_;
    std::unique_ptr<std::byte[]> buffer_; // absent while the connection is idle
    std::span<const std::byte> unread_;   // a part of buffer_
    bool announced_ = false;
    unsigned pings_ = 0; // since the last frame
    clock::time_point last_frame_ = clock::now();
    std::uint64_t frames_read_ = 0;

    // The writer's. A gather write takes sixteen buffers to the system in one call.
    static constexpr std::size_t most_in_batch = 16;
    std::array<frame, most_in_batch> batch_;
    std::array<std::span<const std::byte>, most_in_batch> batch_bytes_;
    std::size_t batch_size_ = 0;
    std::uint64_t frames_written_ = 0;
};

} // namespace frame_relay
