// A connected client as the rest of the relay sees it: a bounded queue to leave frames in, and a way to say that it
// must go. Neither ever suspends the caller, so one slow client holds up nobody else.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include <moor/channel.hpp>
#include <moor/mutex.hpp>

#include "frame_codec.hpp"

namespace frame_relay {

/// Why a session ended.
struct end_cause {
    enum class kind : std::uint8_t {
        peer_closed,     ///< the client said goodbye
        connection_lost, ///< `error`
        malformed,       ///< `malformed`
        no_hello,        ///< none within hello_time
        silent,          ///< no frame within three keep-alive intervals
        not_reading,     ///< did not take a batch within write_time
        replaced,        ///< its key was announced by a newer connection
        shutting_down,   ///< the relay ends
        internal,        ///< `error`: the relay's own failure
    };

    kind what{};
    codec_error malformed = codec_error::none;
    std::error_code error{};

    [[nodiscard]] std::string to_string() const;
    /// Whether it is the client's misbehaviour or the relay's trouble rather than the ordinary course of things.
    [[nodiscard]] bool is_problem() const noexcept;
    /// What to tell the client; empty when there is nothing to tell, or nobody who listens.
    [[nodiscard]] std::optional<closing_reason> farewell() const noexcept;
};

class relay_client {
public:
    explicit relay_client(std::size_t queue_frames) : outbox_(queue_frames) {}

    /// The key that its hello announced. Set before the client is shown to others, constant from then on.
    [[nodiscard]] const client_key& key() const noexcept { return key_; }
    void set_key(const client_key& key) noexcept { key_ = key; }

    /// Leaves a frame for its writer. False when the queue is full or the client is ending; the frame is dropped and
    /// counted then. This is the policy for slow receivers: the newest frame goes, the sender is not held up.
    bool offer(frame&& offered) noexcept;

    /// Ends the session. The first cause stays; later calls do nothing. What is queued already will still be written.
    void end(const end_cause& cause) noexcept;

    [[nodiscard]] bool ending() const noexcept { return outbox_.is_closed(); }
    /// Empty while the session goes on.
    [[nodiscard]] std::optional<end_cause> cause() const noexcept;

    /// For its writer: closed by end().
    [[nodiscard]] const moor::channel<frame>& outbox() const noexcept { return outbox_; }

    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    client_key key_{};
    const moor::channel<frame> outbox_;
    std::atomic<std::uint64_t> dropped_{0}; // a counter that guards nothing
    mutable moor::mutex lock_;
    std::optional<end_cause> cause_; // guarded by lock_
};

} // namespace frame_relay
