// How many packets to ask the completion port for at once. Pure: tested on any host.
//
// Asking for more than there are costs nothing on Windows. Wine asks its server for each packet, and once more to be
// told that there is no further one, unless the room is full: a worker whose connections answer one at a time would pay
// for that at every packet. So the room follows what the last calls have brought.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

namespace moor::iocp {

/// For one thread. `most` is the largest batch.
class adaptive_batch {
public:
    explicit adaptive_batch(std::size_t most) noexcept : most_(most) {}

    /// From 1 to the largest batch.
    [[nodiscard]] std::size_t now() const noexcept { return room_; }

    /// After a call with that room which brought so many packets; none says nothing.
    void took(std::size_t packets) noexcept {
        if (packets == 0) {
            return;
        }
        if (packets < room_) {
            room_ = std::bit_ceil(packets);
            full_ = 0;
            return;
        }
        // A room of one is always full: only now and then it is tried whether there are more.
        if (room_ > 1 || ++full_ == full_before_growing) {
            room_ = std::min(2 * room_, most_);
            full_ = 0;
        }
    }

private:
    static constexpr unsigned full_before_growing = 8;

    const std::size_t most_;
    std::size_t room_ = 1;
    unsigned full_ = 0; // calls in a row with a room of one
};

} // namespace moor::iocp
