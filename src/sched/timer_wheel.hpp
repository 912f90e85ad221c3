// A worker's timers: a hierarchical timing wheel (Varghese and Lauck, SOSP 1987), so that starting and cancelling cost
// the same among a million timers as among ten. Pure: no clock and no lock of its own, tested on any host.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace moor::sched {

/// A timer, linked into a wheel while it runs. Lives where its owner wants it (a waiting stack), does not move
/// meanwhile.
struct timer_entry {
    timer_entry* next = nullptr;
    timer_entry** link = nullptr; ///< what points here; null when the timer is not running
    std::uint64_t due = 0;        ///< tick

    [[nodiscard]] bool running() const noexcept { return link != nullptr; }
};

/// Time is counted in ticks from any origin; the caller says how long one is. Not thread-safe.
class timer_wheel {
public:
    static constexpr std::uint64_t never = ~std::uint64_t{0};

    /// Starts at tick `now`.
    explicit timer_wheel(std::uint64_t now = 0) noexcept : now_(now) {}

    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    /// Starts `entry`, which is not running. One that is due already expires with the next expire().
    void start(timer_entry& entry, std::uint64_t due) noexcept;

    /// Stops `entry`; says whether it was running.
    bool cancel(timer_entry& entry) noexcept;

    /// Stops and returns one entry that is due at `now` or earlier, null when there is none (any more). Entries come in
    /// the order of their ticks, those of one tick in any order. `now` never goes back.
    [[nodiscard]] timer_entry* expire(std::uint64_t now) noexcept;

    /// A tick at or before which nothing is due: exact for timers within 64 ticks, early for later ones (the next call
    /// then says better). `never` when no timer runs.
    [[nodiscard]] std::uint64_t next_due() const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    static constexpr unsigned level_bits = 6;
    static constexpr unsigned slots = 1u << level_bits;
    static constexpr unsigned levels = 8; // 2^48 ticks ahead; later ones wait in the last level and come round again
    static constexpr std::uint64_t furthest = (std::uint64_t{1} << (level_bits * levels)) - 1;

    struct position {
        unsigned level;
        unsigned slot;
        std::uint64_t tick; // when the slot begins
    };

    void insert(timer_entry& entry) noexcept;
    void unlink(timer_entry& entry) noexcept;
    [[nodiscard]] bool first_occupied(position& found) const noexcept;

    std::uint64_t now_;
    std::size_t size_ = 0;
    std::array<std::uint64_t, levels> occupied_{}; // a bit per slot
    std::array<std::array<timer_entry*, slots>, levels> heads_{};
};

} // namespace moor::sched
