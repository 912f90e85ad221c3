// What a process that lives long must not gather, as figures read between two rounds, when nothing of the round is
// left.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <moor/runtime.hpp>

#include "soak/trend.hpp"

namespace moor::test {

/// In this order in the tables.
enum class figure : std::size_t {
    operations,       ///< overlapped operations outside their pool
    open_handles,     ///< the runtime's sockets and handles that are not closed
    coroutines,       ///< whose bodies have not ended
    control_blocks,   ///< coroutines whose stack or block is not given back
    timers,           ///< that run on the workers
    stop_watches,     ///< stop tokens with a callback of moor's, in the process
    segments,         ///< of movable stacks, in use
    runtimes,         ///< that live beside this one
    process_handles,  ///< that the system knows for the process
    threads,          ///< of the process
    operation_memory, ///< operations that the pool has memory for
    reserved_stacks,  ///< with memory, in use or kept
    segment_memory,   ///< KiB that the pool of segments has committed
    heap,             ///< KiB in blocks of the process's heaps that are in use
    private_memory,   ///< KiB that the process has committed for itself
    address_space,    ///< MiB that it has reserved for itself
    charged_memory,   ///< KiB that the system charges it
};
inline constexpr std::size_t figure_count = 17;

struct figure_rule {
    const char* name;
    bool at_rest; ///< zero after every round
    allowance allowed;
    bool under_wine = true; ///< judged there, too
};

/// What each may do. Where more than nothing is allowed, it is memory that caches and heaps keep for later; and of the
/// stop watches the last dead one of each bucket stays (sched/stop_wait.cpp).
inline constexpr std::array<figure_rule, figure_count> figure_rules{{
    {"operations in use", true, {}},
    {"open handles", true, {}},
    {"coroutines alive", true, {}},
    {"control blocks in use", true, {}},
    {"timers", true, {}},
    {"stop watches", false, {.fixed = 1024}},
    {"segments in use", true, {}},
    {"other runtimes", true, {}},
    {"process handles", false, {}},
    {"threads", false, {}},
    {"operations with memory", false, {.fixed = 64, .share_of = 4}},
    {"reserved stacks with memory", false, {.fixed = 16, .share_of = 4}},
    {"KiB of segments", false, {.fixed = 1024, .share_of = 8}},
    {"KiB of heap blocks", false, {.fixed = 128, .share_of = 64}},
    {"KiB of private memory", false, {.fixed = 1024, .share_of = 16}},
    {"MiB of address space", false, {.fixed = 1024}},
    {"KiB charged by the system", false, {.fixed = 4096, .share_of = 16}, false},
}};

using figures = std::array<std::uint64_t, figure_count>;

/// Waits until the runtime has come to rest, if it does soon, and reads all. From a plain thread.
[[nodiscard]] figures read_figures(runtime& running);

} // namespace moor::test
