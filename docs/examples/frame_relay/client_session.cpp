#include "client_session.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <moor/this_coroutine.hpp>

namespace frame_relay {
namespace {

constexpr std::size_t buffer_size = 16 * 1024;
/// How long a read waits with its buffer before the buffer is given back and the wait goes on without one.
constexpr std::chrono::milliseconds idle_after{250};
/// Keep-alive intervals without a frame after which a client counts as gone.
constexpr unsigned silent_intervals = 3;
/// Stop collecting a batch beyond this, so that one batch of large frames has a fair chance within write_time.
constexpr std::size_t most_bytes_in_batch = 256 * 1024;

using kind = end_cause::kind;

} // namespace

client_session::client_session(relay_context& relay, moor::tcp_stream stream, std::uint64_t number)
    : relay_(relay), number_(number), stream_(std::move(stream)),
      client_(std::make_shared<relay_client>(relay.options.queue_frames)),
      decoder_(first_from_client, relay.options.max_payload) {
    relay_.open.fetch_add(1, std::memory_order_relaxed);
}

client_session::~client_session() { relay_.open.fetch_sub(1, std::memory_order_relaxed); }

template <class Make>
void client_session::log(bool problem, const Make& make_text) const noexcept {
    if (problem || relay_.level == log_level::all) {
        relay_.log_line([&] {
            return announced_ ? fmt::format("#{} {} {} {}", number_, peer_, short_name(client_->key()), make_text())
                              : fmt::format("#{} {} {}", number_, peer_, make_text());
        });
    }
}

void client_session::run() {
    // What goes wrong here is this session's end and nobody else's: an exception that left the coroutine would end all
    // sessions.
    try {
        serve();
    } catch (const std::system_error& error) {
        client_->end({.what = kind::internal, .error = error.code()});
    } catch (...) {
        client_->end({.what = kind::internal, .error = std::make_error_code(std::errc::not_enough_memory)});
    }
    finish();
}

// ---- Reader -------------------------------------------------------------------------------------------------------

void client_session::serve() {
    peer_ = stream_.remote_endpoint().to_string();
    stream_.set_no_delay(true); // batches are gathered here; waiting in the system as well would only add latency
    if (!read_hello()) {
        return;
    }
    const auto keep_alive = std::chrono::ceil<std::chrono::seconds>(relay_.options.keep_alive);
    client_->offer(make_server_hello(relay_.options.max_payload, static_cast<std::uint32_t>(keep_alive.count())));
    writer_ = moor::spawn({.name = "relay writer", .stack = relay_.options.session_stack},
                          [this] { run_writer(); }); // finish() joins it
    if (const auto older = relay_.registry.add(client_)) {
        older->end({.what = kind::replaced});
    }
    log(false, [] { return "connected"; });
    while (!client_->ending()) {
        frame received = next_frame();
        if (!received) {
            return;
        }
        handle(std::move(received));
    }
}

bool client_session::read_hello() {
    const frame hello = next_frame();
    if (!hello) {
        return false;
    }
    client_key key;
    if (const codec_error malformed = read_client_hello(hello, key); malformed != codec_error::none) {
        client_->end({.what = kind::malformed, .malformed = malformed});
        return false;
    }
    client_->set_key(key);
    announced_ = true;
    decoder_.accept(from_client);
    return true;
}

/// An empty frame when the session has ended.
frame client_session::next_frame() {
    while (true) {
        codec_error malformed{};
        frame next = decoder_.next(unread_, malformed);
        if (next) {
            ++frames_read_;
            last_frame_ = clock::now();
            pings_ = 0;
            return next;
        }
        if (malformed != codec_error::none) {
            client_->end({.what = kind::malformed, .malformed = malformed});
            return {};
        }
        if (!read_more()) {
            return {};
        }
    }
}

/// Gets bytes, or does what is due when none come. False when the session has ended.
bool client_session::read_more() {
    const clock::time_point alarm = next_alarm();
    if (buffer_) {
        return read_into_buffer(alarm);
    }
    std::error_code error;
    stream_.wait_readable(alarm, error);
    if (error == std::errc::timed_out) {
        return raise_alarm();
    }
    if (error) {
        end_for(error);
        return false;
    }
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    return true;
}

bool client_session::read_into_buffer(clock::time_point alarm) {
    // The rest of a payload goes straight to its place in the frame, what follows it into the buffer.
    const std::span<std::byte> unfilled = decoder_.unfilled();
    const std::span<std::byte> buffer(buffer_.get(), buffer_size);
    const std::array<std::span<std::byte>, 2> places{unfilled, buffer};
    const auto parts = std::span<const std::span<std::byte>>(places).subspan(unfilled.empty() ? 1 : 0);

    const clock::time_point idle = clock::now() + idle_after;
    std::error_code error;
    const std::size_t count = stream_.read_some(parts, std::min(idle, alarm), error);
    if (error == std::errc::timed_out) {
        buffer_.reset();
        return true;
    }
    if (error) {
        end_for(error);
        return false;
    }
    if (count == 0) {
        client_->end({.what = kind::peer_closed});
        return false;
    }
    const std::size_t direct = std::min(count, unfilled.size());
    decoder_.filled(direct);
    unread_ = buffer.first(count - direct);
    return true;
}

client_session::clock::time_point client_session::next_alarm() const noexcept {
    return last_frame_ + (announced_ ? (pings_ + 1) * relay_.options.keep_alive : relay_.options.hello_time);
}

/// The time of next_alarm() has come. Only whole frames count as a sign of life, so a client that sends a byte now and
/// then is not kept.
bool client_session::raise_alarm() {
    if (!announced_) {
        client_->end({.what = kind::no_hello});
        return false;
    }
    if (++pings_ == silent_intervals) {
        client_->end({.what = kind::silent});
        return false;
    }
    client_->offer(make_ping(pings_));
    return true;
}

void client_session::handle(frame&& received) {
    switch (received.type()) {
    case frame_type::send: forward(std::move(received)); break;
    case frame_type::ping:
        received.set_type(frame_type::pong);
        client_->offer(std::move(received));
        break;
    default: break; // a pong has done its work by coming; the decoder lets nothing else through
    }
}

void client_session::forward(frame&& sent) {
    const client_key destination = sent.key();
    const auto receiver = relay_.registry.find(destination);
    if (!receiver) {
        relay_.unroutable.fetch_add(1, std::memory_order_relaxed);
        client_->offer(make_peer_gone(destination));
        return;
    }
    sent.set_type(frame_type::receive);
    sent.set_key(client_->key());
    auto& counter = receiver->offer(std::move(sent)) ? relay_.forwarded : relay_.dropped;
    counter.fetch_add(1, std::memory_order_relaxed);
}

void client_session::finish() noexcept {
    // The session may have been asked to stop; what it owes its client takes a moment all the same.
    const moor::this_coroutine::stop_shield shield;
    buffer_.reset();
    if (announced_) {
        relay_.registry.remove(*client_);
    }
    if (writer_.joinable()) {
        std::error_code stuck;
        if (!writer_.wait(relay_.options.farewell_time, stuck)) {
            stream_.reset();
        }
        writer_.join();
    } else {
        say_farewell();
    }
    stream_.close();
    const end_cause cause = client_->cause().value_or(end_cause{.what = kind::internal});
    log(cause.is_problem(), [&] {
        return fmt::format("closed: {}; {} frames in, {} out, {} dropped", cause.to_string(), frames_read_,
                           frames_written_, client_->dropped());
    });
}

// ---- Writer -------------------------------------------------------------------------------------------------------

void client_session::run_writer() {
    try {
        write_frames();
        say_farewell();
    } catch (const std::system_error& error) {
        client_->end({.what = error.code() == std::errc::timed_out ? kind::not_reading : kind::connection_lost,
                      .error = error.code()});
    } catch (...) {
        client_->end({.what = kind::internal, .error = std::make_error_code(std::errc::not_enough_memory)});
    }
    stream_.close(); // ends the reader's call
}

void client_session::write_frames() {
    while (collect_batch()) {
        stream_.write(std::span(batch_bytes_).first(batch_size_), relay_.options.write_time);
        frames_written_ += batch_size_;
        for (frame& written : std::span(batch_).first(batch_size_)) {
            written = {}; // an idle connection keeps no memory for frames
        }
    }
}

/// Waits for a frame and takes what has gathered behind it. False when the outbox is closed and empty.
bool client_session::collect_batch() {
    std::error_code error;
    std::optional<frame> next = client_->outbox().receive({}, error);
    std::size_t bytes = 0;
    batch_size_ = 0;
    while (next) {
        batch_[batch_size_] = std::move(*next);
        batch_bytes_[batch_size_] = batch_[batch_size_].wire();
        bytes += batch_bytes_[batch_size_].size();
        ++batch_size_;
        if (batch_size_ == most_in_batch || bytes >= most_bytes_in_batch) {
            break;
        }
        next = client_->outbox().try_receive();
    }
    return batch_size_ > 0;
}

/// Tells the client why it is closed. Best effort: it may be gone, or may have sent what is never read, in which case
/// the reset that follows overtakes this.
void client_session::say_farewell() noexcept {
    const std::optional<end_cause> cause = client_->cause();
    const std::optional<closing_reason> reason = cause ? cause->farewell() : std::nullopt;
    if (!reason) {
        return;
    }
    try {
        std::error_code ignored;
        const frame closing = make_closing(*reason);
        stream_.write(closing.wire(), relay_.options.farewell_time, ignored);
        stream_.shutdown(moor::shutdown_side::send, ignored);
    } catch (const std::bad_alloc&) { // then without
    }
}

// ---- Both ---------------------------------------------------------------------------------------------------------

/// Ends the session for an error of the connection. A cancelled call was ended by whoever ended the session before (and
/// its cause stays), or by the request to stop this coroutine.
void client_session::end_for(const std::error_code& error) {
    client_->end(error == std::errc::operation_canceled ? end_cause{.what = kind::shutting_down}
                                                        : end_cause{.what = kind::connection_lost, .error = error});
}

} // namespace frame_relay
