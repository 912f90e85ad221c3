// What all sessions of one relay share: its options, who is connected, what was counted, and where the log goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "client_registry.hpp"
#include "relay_options.hpp"

namespace frame_relay {

/// Takes one line without its end; called by many coroutines at once. Must not suspend.
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

    // Counters that guard nothing.
    std::atomic<std::uint64_t> open{0};       ///< connections, announced or not
    std::atomic<std::uint64_t> forwarded{0};  ///< frames left with their receiver
    std::atomic<std::uint64_t> dropped{0};    ///< frames whose receiver's queue was full
    std::atomic<std::uint64_t> unroutable{0}; ///< frames whose receiver was not connected
};

} // namespace frame_relay
