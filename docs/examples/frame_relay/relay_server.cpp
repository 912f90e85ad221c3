#include "relay_server.hpp"

#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>

#include "client_session.hpp"

namespace frame_relay {

relay_server::relay_server(const relay_options& options, log_level level, log_sink log) {
    context_.options = options;
    context_.level = level;
    context_.log = std::move(log);
}

void relay_server::serve(moor::tcp_listener listener, const std::stop_token& stop) {
    using namespace std::chrono_literals;
    moor::task_group sessions;
    for (std::uint64_t number = 1;; ++number) {
        try {
            auto session = std::make_unique<client_session>(context_, listener.accept(stop), number);
            sessions.spawn({.name = "relay session", .stack = context_.options.session_stack},
                           [session = std::move(session)] { session->run(); });
        } catch (const std::exception& failure) {
            const auto* error = dynamic_cast<const std::system_error*>(&failure);
            if (error != nullptr && error->code() == std::errc::operation_canceled) {
                break;
            }
            // Out of memory or sockets: those that are connected go on, and new ones may find room later.
            context_.log(fmt::format("cannot accept: {}", failure.what()));
            std::error_code stopped;
            moor::this_coroutine::sleep_for(100ms, stop, stopped);
        }
    }
    listener.close();
    sessions.stop();
    const moor::this_coroutine::stop_shield shield;
    sessions.wait();
}

relay_counters relay_server::counters() const noexcept {
    return {.clients = context_.open.load(std::memory_order_relaxed),
            .forwarded = context_.forwarded.load(std::memory_order_relaxed),
            .dropped = context_.dropped.load(std::memory_order_relaxed),
            .unroutable = context_.unroutable.load(std::memory_order_relaxed)};
}

} // namespace frame_relay
