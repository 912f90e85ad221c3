// What a coroutine whose stack moves keeps beside the memory: why it may not move now, and when it shrinks.
//
// Shrinking. A stack of which a suspension point finds less than a quarter used is put on trial: the check limit is
// raised to where a stack of half the size would have it. Code that needs more than that half meets the raised
// limit, which ends the trial and costs a call, but no copy. After `patience` suspensions in a row on trial the stack
// is halved, at the next check of covered code. Each end of a trial, and each growth after a shrink, doubles the
// patience: a program that goes deep now and then soon keeps its large stack, and no loop copies back and forth.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "stack/memory.hpp"

namespace moor::stack {

struct movement {
    static constexpr std::uint32_t first_patience = 16;
    static constexpr std::uint32_t longest_patience = 1u << 20;

    bool movable = false;          ///< of the movable kind; constant while the coroutine lives
    bool on_trial = false;         ///< the check limit is raised
    bool has_shrunk = false;       ///< since it grew last
    std::uint32_t suspensions = 0; ///< on trial, in a row
    std::uint32_t patience = first_patience;
    std::uint32_t smallest = 0; ///< it is never shrunk below this; bytes
    std::uint32_t wanted = 0;   ///< size that it is to shrink to at the next check; 0: none. Bytes
    std::uint64_t copies = 0;   ///< moves so far
    /// The place that it moved from last; for reports, its memory may be another's.
    struct {
        std::byte* lowest;
        std::size_t size;
    } left{};

    /// What the compiler's checks compare with while `of` is on trial.
    [[nodiscard]] static std::uint64_t trial_limit(const memory& of) noexcept {
        return reinterpret_cast<std::uint64_t>(of.top()) - halved(of.size) + memory::kept_free();
    }

    /// The size that a stack of `size` shrinks to.
    [[nodiscard]] static std::size_t halved(std::size_t size) noexcept { return std::min(size / 2, largest_segment); }

    void begin_trial() noexcept {
        on_trial = true;
        suspensions = 0;
    }
    void end_trial() noexcept {
        on_trial = false;
        suspensions = 0;
        wanted = 0;
    }
    void lose_patience() noexcept {
        end_trial();
        patience = std::min(patience * 2, longest_patience);
    }
};

} // namespace moor::stack
