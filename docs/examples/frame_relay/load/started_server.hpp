// A frame_relay that the load generator runs for itself: started for the run, checked after it, and stopped.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <moor/endpoint.hpp>

#include "load/child_process.hpp"

namespace frame_relay {

/// For plain threads: its members block.
class started_server {
public:
    using report_sink = std::function<void(std::string_view)>;

    /// Starts `program`, with so many coroutines in it that compute without end, and waits until it listens. `report`
    /// gets what the checks find. Throws std::exception.
    started_server(const std::string& program, unsigned spinners, report_sink report);

    [[nodiscard]] const moor::endpoint& address() const noexcept { return address_; }

    /// When all clients are gone: whether the relay says so too, and has no overlapped operations but its accepts.
    [[nodiscard]] bool has_let_go_of_everything();

    /// Stops it; whether it came to its end in time, with exit status 0 and nothing in use.
    [[nodiscard]] bool stops_cleanly();

private:
    report_sink report_;
    child_process process_;
    moor::endpoint address_;
};

} // namespace frame_relay
