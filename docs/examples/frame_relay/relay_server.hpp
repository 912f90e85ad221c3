// The relay: accepts connections, gives each a session, and at the end sees all of them out.
#pragma once

#include <cstdint>
#include <stop_token>
#include <system_error>

#include <moor/task_group.hpp>
#include <moor/tcp.hpp>

#include "relay_context.hpp"

namespace frame_relay {

struct relay_counters {
    std::uint64_t clients = 0;    ///< connections now
    std::uint64_t forwarded = 0;  ///< frames so far
    std::uint64_t dropped = 0;    ///< frames so far, because their receiver's queue was full
    std::uint64_t unroutable = 0; ///< frames so far, because their receiver was not connected
};

class relay_server {
public:
    relay_server(const relay_options& options, log_level level, log_sink log);

    /// Serves until `stop` is requested or the calling coroutine is asked to stop; then closes the listener, ends all
    /// sessions ("relay shuts down") and returns when the last one is gone and the address free.
    void serve(moor::tcp_listener listener, const std::stop_token& stop);

    /// Any thread.
    [[nodiscard]] relay_counters counters() const noexcept;

private:
    [[nodiscard]] std::error_code start_session(moor::task_group& sessions, moor::tcp_stream stream,
                                                std::uint64_t number);

    relay_context context_;
};

} // namespace frame_relay
