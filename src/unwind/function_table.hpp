// Which function of the image an instruction belongs to, from the image's own table of functions. For the monitor,
// which asks while it keeps a thread suspended that may hold any lock (law 4): so a query takes none, allocates
// nothing, and calls nothing of the system's; RtlLookupFunctionEntry may wait for the loader's lock.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "unwind/unwind_info.hpp"

namespace moor::unwind {

class function_table {
public:
    function_table() = default;
    /// `entries` outlives this and does not change; padding at their end counts for nothing. They are used where they
    /// are when they are sorted, as the format demands. Otherwise (linkers with that bug have been seen) this is the
    /// one place that allocates: it sorts a copy, and `was_sorted` tells, for the caller to report.
    explicit function_table(std::span<const function_entry> entries);
    function_table(function_table&&) = default;
    function_table& operator=(function_table&&) = default;
    function_table(const function_table&) = delete;
    function_table& operator=(const function_table&) = delete;
    ~function_table() = default;

    /// The entry that `rva` lies in; null when there is none. Any thread, at any time.
    [[nodiscard]] const function_entry* find(std::uint32_t rva) const noexcept;

    [[nodiscard]] std::span<const function_entry> entries() const noexcept { return entries_; }
    [[nodiscard]] bool was_sorted() const noexcept { return sorted_copy_.empty(); }

private:
    std::vector<function_entry> sorted_copy_; // empty: not needed
    std::span<const function_entry> entries_;
};

/// Whether a search by halves finds every entry: each ends after it begins and before the next one begins.
[[nodiscard]] bool is_sorted(std::span<const function_entry> entries) noexcept;

} // namespace moor::unwind
