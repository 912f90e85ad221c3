// How many processors the process may use, which is how many workers a runtime has unless it is told. On machines with
// more than 64, Windows divides them into groups, and the one call that everybody knows answers 0 for a process whose
// threads are in several.
#pragma once

#include <cstdint>
#include <span>

namespace moor::win {

/// What the system says of a process.
struct processor_view {
    /// GetProcessAffinityMask: of the group that the process began in; both 0 when its threads are in several, and
    /// likewise when the call fails.
    std::uint64_t process_mask = 0;
    std::uint64_t system_mask = 0;
    /// Active processors of each group that the process has threads in (GetProcessGroupAffinity); from Windows 11 on
    /// all groups, unless somebody restricted it. Empty when the system does not say.
    std::span<const unsigned> in_its_groups;
    /// GetActiveProcessorCount of all groups; 0 when the system does not say.
    unsigned in_all_groups = 0;
};

/// How many of them it may use: at least 1. A mask with less than all of its group is somebody's wish and counts alone.
/// Otherwise all processors of the process's groups count. Source: Microsoft, "Processor Groups", and the pages of the
/// calls above.
[[nodiscard]] unsigned usable_processors(const processor_view& view) noexcept;

/// The same, of this process.
[[nodiscard]] unsigned usable_processors() noexcept;

} // namespace moor::win
