// See process_figures.hpp.
#include "support/process_figures.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include <gtest/gtest.h>

#include "win/handle.hpp"
#include "win/windows.hpp"

#include <psapi.h>
#include <tlhelp32.h>

namespace moor::test {

// Wine 8 does not count them (GetProcessHandleCount says 0), so the values are tried: multiples of four, the lowest
// that is free first.
std::uint64_t process_handles() {
    DWORD count = 0;
    if (::GetProcessHandleCount(::GetCurrentProcess(), &count) != FALSE && count != 0) {
        return count;
    }
    constexpr std::uintptr_t longest_gap = 256; // values in a row that are none
    std::uint64_t found = 0;
    std::uintptr_t gap = 0;
    for (std::uintptr_t value = 4; gap != longest_gap; value += 4) {
        DWORD flags = 0;
        const bool is_one = ::GetHandleInformation(reinterpret_cast<HANDLE>(value), &flags) != FALSE;
        found += is_one ? 1 : 0;
        gap = is_one ? 0 : gap + 1;
    }
    return found;
}

std::uint64_t process_threads() {
    const win::unique_handle list(::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0));
    THREADENTRY32 entry{};
    entry.dwSize = sizeof entry;
    std::uint64_t found = 0;
    for (BOOL more = ::Thread32First(list.get(), &entry); more != FALSE; more = ::Thread32Next(list.get(), &entry)) {
        found += entry.th32OwnerProcessID == ::GetCurrentProcessId() ? 1 : 0;
    }
    return found;
}

std::uint64_t heap_bytes() {
    std::array<HANDLE, 64> heaps{};
    const DWORD count = std::min<DWORD>(::GetProcessHeaps(heaps.size(), heaps.data()), heaps.size());
    std::uint64_t bytes = 0;
    for (DWORD index = 0; index != count; ++index) {
        if (::HeapLock(heaps[index]) == FALSE) {
            continue; // it is used by one thread only, and nobody else may look into it
        }
        PROCESS_HEAP_ENTRY block{};
        while (::HeapWalk(heaps[index], &block) != FALSE) {
            bytes += (block.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0 ? block.cbData : 0;
        }
        ::HeapUnlock(heaps[index]);
    }
    return bytes;
}

namespace {

template <class Predicate>
std::uint64_t bytes_of_private_regions(Predicate counts) {
    std::uint64_t bytes = 0;
    MEMORY_BASIC_INFORMATION region{};
    for (const std::byte* place = nullptr; ::VirtualQuery(place, &region, sizeof region) != 0;
         place = static_cast<const std::byte*>(region.BaseAddress) + region.RegionSize) {
        bytes += region.Type == MEM_PRIVATE && counts(region.State) ? region.RegionSize : 0;
    }
    return bytes;
}

} // namespace

std::uint64_t committed_bytes() {
    return bytes_of_private_regions([](DWORD state) { return state == MEM_COMMIT; });
}

// What PrivateUsage of the longer structure says on Windows, too; Wine 8 leaves that one alone.
std::uint64_t charged_bytes() {
    PROCESS_MEMORY_COUNTERS counters{};
    counters.cb = sizeof counters;
    if (::K32GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) == FALSE) {
        ADD_FAILURE() << "no memory counters: " << ::GetLastError();
    }
    return counters.PagefileUsage;
}

std::uint64_t reserved_bytes() {
    return bytes_of_private_regions([](DWORD state) { return state == MEM_COMMIT || state == MEM_RESERVE; });
}

} // namespace moor::test
