// Counts by the affinity mask if the process has one group of processors or a mask of its own, else by its groups.
#include "win/processors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "win/process.hpp"
#include "win/windows.hpp"

namespace moor::win {

unsigned usable_processors(const processor_view& view) noexcept {
    const auto in_mask = static_cast<unsigned>(std::popcount(view.process_mask));
    if (view.process_mask != view.system_mask || view.in_its_groups.size() == 1) {
        if (in_mask != 0) {
            return in_mask;
        }
    }
    const unsigned in_groups = std::accumulate(view.in_its_groups.begin(), view.in_its_groups.end(), 0u);
    if (in_groups != 0) {
        return in_groups;
    }
    return std::max({in_mask, in_mask == 0 ? view.in_all_groups : 0u, 1u});
}

unsigned usable_processors() noexcept {
    processor_view view;
    DWORD_PTR process = 0;
    DWORD_PTR system = 0;
    if (::GetProcessAffinityMask(this_process(), &process, &system) != 0) {
        view.process_mask = process;
        view.system_mask = system;
    }
    constexpr USHORT most_groups = 64; // Windows has 20 at most, with 64 processors each
    std::array<USHORT, most_groups> groups{};
    std::array<unsigned, most_groups> counts{};
    USHORT count = most_groups;
    if (::GetProcessGroupAffinity(this_process(), &count, groups.data()) != 0) {
        count = std::min(count, most_groups);
        std::transform(groups.begin(), groups.begin() + count, counts.begin(),
                       [](USHORT group) { return ::GetActiveProcessorCount(group); });
        view.in_its_groups = std::span(counts).first(count);
    }
    view.in_all_groups = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return usable_processors(view);
}

} // namespace moor::win
