#include "relay_server.hpp"

#include <chrono>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include <fmt/format.h>
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
        std::error_code error;
        moor::tcp_stream stream = listener.accept(stop, error);
        if (error == std::errc::operation_canceled) {
            break;
        }
        if (!error) {
            error = start_session(sessions, std::move(stream), number);
        }
        if (error) {
            // Out of memory or sockets: those that are connected go on, and new ones may find room later.
            context_.log_line([&] { return fmt::format("cannot accept: {}", error.message()); });
            std::error_code stopped; // the next accept says so too
            moor::this_coroutine::sleep_for(100ms, stop, stopped);
        }
    }
    listener.close();
    sessions.stop();
    const moor::this_coroutine::stop_shield shield;
    sessions.wait();
    listener.close_and_wait(); // whoever connects from here on is refused, and another relay may have the port
}

std::error_code relay_server::start_session(moor::task_group& sessions, moor::tcp_stream stream, std::uint64_t number) {
    try {
        auto session = std::make_unique<client_session>(context_, std::move(stream), number);
        sessions.spawn({.name = "relay session", .stack = context_.options.session_stack},
                       [owned = std::move(session)] { owned->run(); });
        return {};
    } catch (const std::system_error& error) {
        return error.code();
    } catch (const std::bad_alloc&) {
        return std::make_error_code(std::errc::not_enough_memory);
    }
}

relay_counters relay_server::counters() const noexcept {
    return {.clients = context_.open.load(std::memory_order_relaxed),
            .forwarded = context_.forwarded.load(std::memory_order_relaxed),
            .dropped = context_.dropped.load(std::memory_order_relaxed),
            .unroutable = context_.unroutable.load(std::memory_order_relaxed)};
}

} // namespace frame_relay
