// Looking at the time costs more than a switch may: what is here is called at few turns.
#include "sched/turn_clock.hpp"

#include <algorithm>

#include "win/clock.hpp"

namespace moor::sched {

bool turn_clock::maintenance_is_due() const noexcept {
    return win::cycles() - last_maintenance_ > maintenance_cycles || maintenance_is_wanted();
}

// While the turns between two looks are over in a fraction of what timers may wait, there are more turns between them.
bool turn_clock::look(std::uint32_t turn) noexcept {
    const std::uint64_t now = win::cycles();
    const bool short_turns = now - last_look_ < maintenance_cycles / 8;
    interval_ = short_turns ? std::min(2 * interval_, longest_interval) : 1;
    last_look_ = now;
    next_look_.store(turn + interval_, std::memory_order_relaxed);
    return now - last_maintenance_ > maintenance_cycles || maintenance_is_wanted();
}

turn_clock::steady::duration turn_clock::average(std::uint32_t turn, steady::time_point now) const noexcept {
    return (now - begun_at_) / std::max(1u, turn - begun_turn_);
}

turn_clock::steady::time_point turn_clock::begin() noexcept {
    begun_at_ = detail::now();
    begun_turn_ = turns();
    last_look_ = win::cycles();
    return begun_at_;
}

} // namespace moor::sched
