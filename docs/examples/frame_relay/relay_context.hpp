// What all sessions of one relay share: its options, who is connected, what was counted, and where the log goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include <moor/stack.hpp>

#include "client_registry.hpp"
#include "relay_options.hpp"

namespace frame_relay {

/// Takes one line without its end; called by many coroutines at once. Must neither suspend nor wait: a worker that
/// waits for whoever reads the log serves nobody.
using log_sink = std::function<void(std::string_view)>;

/// Which events are worth a line.
enum class log_level : std::uint8_t {
    problems, ///< clients that were closed for a reason of their own or the network's
    all,      ///< every connection and its end too
};

struct relay_context {
    relay_options options;
    log_sink log;
    log_level level = log_level::all;
    client_registry registry;

    /// Logs what `make_line` returns. A line that cannot be made or taken is lost, and nothing else is: no session
    /// ends, and no other one with it, for want of memory for a line.
    template <class Make>
    void log_line(const Make& make_line) const noexcept {
        // Formatting and the sink have no stack checks.
        moor::on_system_stack([&]() noexcept {
            try {
                log(make_line());
            } catch (...) { // lost
            }
        });
    }

    // Counters that guard nothing.
    std::atomic<std::uint64_t> open{0};       ///< connections, announced or not
    std::atomic<std::uint64_t> forwarded{0};  ///< frames left with their receiver
    std::atomic<std::uint64_t> dropped{0};    ///< frames whose receiver's queue was full
    std::atomic<std::uint64_t> unroutable{0}; ///< frames whose receiver was not connected
};

} // namespace frame_relay
