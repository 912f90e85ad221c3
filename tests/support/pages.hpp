// Whether there is memory at an address, asked without touching it; and a system that has none.
#pragma once

#include <cstddef>

#if defined(_WIN32)
#include "win/windows.hpp"
#endif

namespace moor::test {

/// Whether the address can be read, within reserved address space.
#if defined(_WIN32)
inline bool has_memory(const std::byte* address) {
    MEMORY_BASIC_INFORMATION seen{};
    return ::VirtualQuery(address, &seen, sizeof seen) != 0 && seen.State == MEM_COMMIT;
}
#else
bool has_memory(const std::byte* address); // in host/virtual_memory.cpp

/// From now on the system has no memory, or has some again. Any thread; the host's stand-in only.
void refuse_memory(bool refuses) noexcept;
#endif

} // namespace moor::test
