// The relay's limits and policies in one place; README.md states them for users.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <moor/spawn.hpp>

#include "frame_codec.hpp"

namespace frame_relay {

struct relay_options {
    /// Largest payload of a frame, destination key included. A header that announces more closes the client.
    std::uint32_t max_payload = default_max_payload;
    /// Frames that may wait for one client; the one after that is dropped.
    std::size_t queue_frames = 128;
    /// A client that sent no frame for so long is pinged, a second time after twice as long, and closed after three
    /// times.
    std::chrono::milliseconds keep_alive = std::chrono::seconds(30);
    /// The hello must be there by then.
    std::chrono::milliseconds hello_time = std::chrono::seconds(5);
    /// A client that does not take one batch of frames in this time is closed.
    std::chrono::milliseconds write_time = std::chrono::seconds(10);
    /// What a client that is being closed gets to take the rest of its frames.
    std::chrono::milliseconds farewell_time = std::chrono::seconds(1);
    /// What sessions run on. Where the relay is not built for stacks that move (see its CMakeLists.txt) they get
    /// reserved ones.
    moor::stack_kind session_stack = moor::stack_kind::movable;
};

} // namespace frame_relay
