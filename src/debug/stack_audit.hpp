// The search for addresses of a stack that has moved away, for the debugging switch audit. It checks what law 3
// rests on: nothing outside a movable stack keeps an address into it across a call.
//
// A word is reported when it is the address of a byte that was in use when the stack moved, and lies in
//   - a block in use of any heap of the process,
//   - the writable data of the program's image, or of the one that moor is part of,
//   - the closure of a coroutine of the same runtime that has not ended,
//   - the data stack of the same coroutine, in a frame in use,
//   - the stack of another coroutine of the same runtime: with one worker any of them, otherwise those that are parked,
//   - the worker's system stack.
// Nobody can tell an address from a number that looks like one, nor a variable from what the last user of its memory
// left there: a report says where to look. On stacks such left-overs are common (a register that a function saved and
// nobody needs, the node of a wait that is over), so what is found there is reported as doubtful and not counted. What
// moor itself and the C++ runtime know of stacks is not reported: addresses that suspended coroutines are resumed at,
// the workers and their caches, and what the unwinder keeps in an exception's header.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sched/reports.hpp"

namespace moor::debug {

/// Where coroutines were left, each time: addresses that switching leaves behind in the frames of others. Any thread.
/// Forgets old ones when it is full.
class suspension_addresses {
public:
    void note(const void* address) noexcept;
    [[nodiscard]] bool contains(std::uint64_t address) const noexcept;

private:
    static constexpr std::size_t capacity = std::size_t{1} << 14; // a power of two
    static constexpr std::size_t longest_probe = 16;

    // A word of its own, so that the relaxed order does: what is noted was published with the coroutine.
    std::array<std::atomic<std::uint64_t>, capacity> slots_{};
};

/// Searches, and writes a line to standard error for each word that it finds, up to a limit, and one with their number.
/// Returns how many were found, without those on stacks. Locks each heap while it reads it.
std::uint64_t report_stale_addresses(const sched::moved_stack& moved, const suspension_addresses& suspensions) noexcept;

} // namespace moor::debug
