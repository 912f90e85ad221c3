// See pattern_search.hpp.
#include "support/pattern_search.hpp"

#include <fmt/format.h>

#include "win/windows.hpp"

namespace moor::test {
namespace {

bool is_in_operation(const iocp::operation_pool& pool, const std::byte* address) {
    constexpr std::uintptr_t alignment = alignof(iocp::operation);
    auto candidate = reinterpret_cast<std::uintptr_t>(address) & ~(alignment - 1);
    for (std::size_t back = 0; back < sizeof(iocp::operation); back += alignment, candidate -= alignment) {
        if (pool.owns(reinterpret_cast<const OVERLAPPED*>(candidate))) {
            return true;
        }
    }
    return false;
}

bool can_be_written(const MEMORY_BASIC_INFORMATION& region) {
    constexpr DWORD writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    return region.State == MEM_COMMIT && (region.Protect & writable) != 0 && (region.Protect & PAGE_GUARD) == 0;
}

} // namespace

std::vector<std::string> patterns_outside(const iocp::operation_pool& pool, std::uint32_t complement) {
    std::vector<std::string> found;
    MEMORY_BASIC_INFORMATION own{};
    ::VirtualQuery(&own, &own, sizeof own);
    MEMORY_BASIC_INFORMATION region{};
    for (const std::byte* next = nullptr; ::VirtualQuery(next, &region, sizeof region) != 0;) {
        const auto* const begin = static_cast<const std::byte*>(region.BaseAddress);
        next = begin + region.RegionSize;
        if (!can_be_written(region) || region.AllocationBase == own.AllocationBase) {
            continue;
        }
        for (const std::byte* each = begin; each != next; each += sizeof complement) {
            if (~*reinterpret_cast<const volatile std::uint32_t*>(each) == complement && !is_in_operation(pool, each)) {
                found.push_back(
                    fmt::format("{} in the memory that begins at {}", fmt::ptr(each), fmt::ptr(region.AllocationBase)));
                if (found.size() == 20) {
                    return found;
                }
            }
        }
    }
    return found;
}

} // namespace moor::test
