// Ending a client is closing its outbox: the writer sees that, and the writer is the one that closes the connection.
#include "relay_client.hpp"

#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace frame_relay {

std::string end_cause::to_string() const {
    switch (what) {
    case kind::peer_closed: return "closed by the client";
    case kind::connection_lost: return fmt::format("connection lost ({})", error.message());
    case kind::malformed: return fmt::format("malformed ({})", frame_relay::to_string(malformed));
    case kind::no_hello: return "no hello in time";
    case kind::silent: return "silent for too long";
    case kind::not_reading: return "does not read";
    case kind::replaced: return "replaced by a newer connection with its key";
    case kind::shutting_down: return "relay shuts down";
    case kind::internal: return fmt::format("failure of the relay ({})", error.message());
    }
    return "unknown";
}

bool end_cause::is_problem() const noexcept { return what != kind::peer_closed && what != kind::shutting_down; }

std::optional<closing_reason> end_cause::farewell() const noexcept {
    switch (what) {
    case kind::malformed: return closing_reason::malformed;
    case kind::no_hello:
    case kind::silent: return closing_reason::silent;
    case kind::replaced: return closing_reason::replaced;
    case kind::shutting_down: return closing_reason::shutting_down;
    case kind::peer_closed:
    case kind::connection_lost:
    case kind::not_reading:
    case kind::internal: break;
    }
    return std::nullopt;
}

bool relay_client::offer(frame&& offered) noexcept {
    if (outbox_.try_send(std::move(offered))) {
        return true;
    }
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
}

void relay_client::end(const end_cause& cause) noexcept {
    {
        const std::lock_guard guard(lock_);
        if (cause_) {
            return;
        }
        cause_ = cause;
    }
    outbox_.close(); // after the cause: a coroutine that finds it closed finds the cause
}

std::optional<end_cause> relay_client::cause() const noexcept {
    const std::lock_guard guard(lock_);
    return cause_;
}

} // namespace frame_relay
