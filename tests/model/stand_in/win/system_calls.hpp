// Stands in for src/win/system_calls.hpp: of the door to the system what the modelled files go through. See world.cpp.
#pragma once

#include "win/windows.hpp"

namespace moor::win {

struct system_calls {
    BOOL (*wait_on_address)(volatile void* address, void* undesired, std::uintptr_t bytes, DWORD timeout);
    void (*wake_all_by_address)(void* address);
    /// The thread's handle is the address of its worker.
    DWORD (*queue_apc)(void (*function)(ULONG_PTR), HANDLE thread, ULONG_PTR argument);
};

[[nodiscard]] const system_calls& system() noexcept;

} // namespace moor::win
