// A binary search of the image's table. A table that the linker has left unsorted is sorted in a copy.
#include "unwind/function_table.hpp"

#include <algorithm>

namespace moor::unwind {
namespace {

bool begins_before(const function_entry& one, const function_entry& other) noexcept { return one.begin < other.begin; }

} // namespace

bool is_sorted(std::span<const function_entry> entries) noexcept {
    std::uint32_t end = 0;
    for (const function_entry& each : entries) {
        if (each.begin < end || each.end <= each.begin) {
            return false;
        }
        end = each.end;
    }
    return true;
}

function_table::function_table(std::span<const function_entry> entries) : entries_(entries) {
    while (!entries_.empty() && entries_.back().is_padding()) {
        entries_ = entries_.first(entries_.size() - 1);
    }
    if (!is_sorted(entries_)) {
        sorted_copy_.assign(entries_.begin(), entries_.end());
        std::sort(sorted_copy_.begin(), sorted_copy_.end(), &begins_before);
        entries_ = sorted_copy_;
    }
}

const function_entry* function_table::find(std::uint32_t rva) const noexcept {
    const auto after = std::upper_bound(entries_.begin(), entries_.end(), function_entry{rva, 0, 0}, &begins_before);
    if (after == entries_.begin()) {
        return nullptr;
    }
    const function_entry& candidate = *(after - 1);
    return candidate.contains(rva) ? &candidate : nullptr;
}

} // namespace moor::unwind
