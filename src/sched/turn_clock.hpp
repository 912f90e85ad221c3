// A worker's turns, and when it looks at the time. A clock at every turn would cost half a switch, so there are looks:
// at every 32nd turn while turns are short, at every one when they are long, and at once when the monitor finds that
// there was none.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace moor::sched {

/// By its worker's thread, except where said.
class turn_clock {
public:
    using steady = std::chrono::steady_clock;

    /// The number of the turn that runs. Any thread: thieves see whether the worker stays in one coroutine.
    [[nodiscard]] std::uint32_t turns() const noexcept { return turn_.load(std::memory_order_relaxed); }

    /// Begins the next turn; returns its number.
    std::uint32_t next() noexcept {
        const std::uint32_t turn = turns() + 1;
        turn_.store(turn, std::memory_order_relaxed);
        return turn;
    }

    /// Whether the end of that turn is due for look().
    [[nodiscard]] bool look_is_due(std::uint32_t turn) const noexcept {
        return static_cast<std::int32_t>(turn - next_look_.load(std::memory_order_relaxed)) >= 0;
    }

    /// The turn that runs ends with a look. The worker may overwrite this wish of another thread when it looks at the
    /// same moment.
    void look_soon() noexcept { next_look_.store(turns(), std::memory_order_relaxed); }

    /// By the monitor, when it has found no maintenance between two of its own looks: the turn that runs ends with one,
    /// also when the clock stands still. What is done for others than timers must not depend on time.
    void maintain_soon() noexcept {
        maintenance_wanted_.store(true, std::memory_order_relaxed);
        look_soon();
    }
    [[nodiscard]] bool maintenance_is_wanted() const noexcept {
        return maintenance_wanted_.load(std::memory_order_relaxed);
    }

    /// Looks at the processor's counter, and decides when to look again. Whether maintenance is due: so much time has
    /// passed, or the monitor wants it.
    [[nodiscard]] bool look(std::uint32_t turn) noexcept;

    [[nodiscard]] bool maintenance_is_due() const noexcept;

    /// How long the turns up to `turn` were since begin(), on the average: it is one turn when they are long.
    [[nodiscard]] steady::duration average(std::uint32_t turn, steady::time_point now) const noexcept;

    /// Turns begin now: what was before, the worker's own work, is no coroutine's. Returns the time.
    steady::time_point begin() noexcept;

    /// After maintenance, and begin().
    void maintained() noexcept {
        maintenance_wanted_.store(false, std::memory_order_relaxed);
        last_maintenance_ = last_look_;
        maintained_.store(maintained_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    /// How often it was. Any thread: the monitor compares.
    [[nodiscard]] std::uint32_t times_maintained() const noexcept {
        return maintained_.load(std::memory_order_relaxed);
    }

private:
    /// Most turns between two looks: as many while turns are short, one when they are long.
    static constexpr std::uint32_t longest_interval = 32;
    /// The processor's cycles (well under a millisecond on any) after which a worker that never runs out of work looks
    /// at its timers.
    static constexpr std::uint64_t maintenance_cycles = std::uint64_t{1} << 20;

    std::atomic<std::uint32_t> turn_{0};
    std::atomic<std::uint32_t> next_look_{0}; // the turn of it
    std::atomic<std::uint32_t> maintained_{0};
    std::atomic<bool> maintenance_wanted_{false};
    std::uint32_t interval_ = 1;         // turns
    std::uint32_t begun_turn_ = 0;       // at begin()
    std::uint64_t last_look_ = 0;        // processor cycles
    std::uint64_t last_maintenance_ = 0; // processor cycles
    steady::time_point begun_at_{};
};

} // namespace moor::sched
