// What all parts of a round share: its seed, its end, and where they say what they saw. The parts are in sockets.hpp,
// primitives.hpp and lives.hpp.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>

#include <moor/spawn.hpp>
#include <moor/wait_limit.hpp>

#include "soak/findings.hpp"

namespace moor::test {

/// How much each part did, in all rounds.
struct work_done {
    std::atomic<std::uint64_t> frames{0};          ///< relayed
    std::atomic<std::uint64_t> datagrams{0};       ///< received by the relay's neighbours
    std::atomic<std::uint64_t> echoes{0};          ///< over TCP, read back
    std::atomic<std::uint64_t> datagram_echoes{0}; ///< over UDP, received again
    std::atomic<std::uint64_t> simulated{0};       ///< bytes through the adversary
    std::atomic<std::uint64_t> values{0};          ///< through channels
    std::atomic<std::uint64_t> turns{0};           ///< with a lock, a unit or a once
    std::atomic<std::uint64_t> children{0};        ///< of task groups
    std::atomic<std::uint64_t> lives{0};           ///< coroutines of random lives
    std::atomic<std::uint64_t> stops{0};           ///< requests, deadlines and closings that ended something
};

class soak_round {
public:
    using clock = wait_limit::clock;

    soak_round(std::uint32_t seed, clock::time_point end, stack_kind stacks, findings& seen, work_done& counts) noexcept
        : stack(stacks), found(seen), done(counts), seed_(seed), end_(end) {}

    [[nodiscard]] bool over() const noexcept { return clock::now() >= end_; }
    [[nodiscard]] clock::time_point end() const noexcept { return end_; }
    [[nodiscard]] std::uint32_t seed() const noexcept { return seed_; }

    /// Numbers of a coroutine's own.
    [[nodiscard]] std::minstd_rand random(std::uint32_t part, std::uint32_t number) const noexcept {
        return std::minstd_rand((seed_ * 2654435761u ^ part * 40503u ^ number * 7919u) | 1u);
    }

    /// For a coroutine of the round.
    [[nodiscard]] spawn_options options(const char* name) const noexcept { return {.name = name, .stack = stack}; }

    /// Of a call that must end by itself: longer than the watchdog's, which then has something to report.
    static constexpr std::chrono::seconds patience{600};

    const stack_kind stack;
    findings& found;
    work_done& done;

private:
    const std::uint32_t seed_;
    const clock::time_point end_;
};

/// A delay that moves races about: none, some turns of the others, or up to two milliseconds. Whether the coroutine was
/// not asked to stop meanwhile.
bool short_delay(std::minstd_rand& random);

/// A limit that often ends a wait in the middle.
[[nodiscard]] wait_limit short_limit(std::minstd_rand& random);

} // namespace moor::test
