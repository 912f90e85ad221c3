// Whether the processor watches return addresses (CET user shadow stacks): then switching stacks by hand faults, and no
// coroutine can run.
#pragma once

#include "win/process.hpp"
#include "win/windows.hpp"

namespace moor::win {

/// What GetProcessMitigationPolicy looks like; a parameter so that a test can answer in the system's place.
using mitigation_query = BOOL(WINAPI*)(HANDLE, PROCESS_MITIGATION_POLICY, void*, SIZE_T);

/// Of this process. False as well when the system does not know the policy (before Windows 10 2004). Source:
/// PROCESS_MITIGATION_USER_SHADOW_STACK_POLICY, Microsoft Learn.
[[nodiscard]] inline bool user_shadow_stacks_enabled(mitigation_query query = &::GetProcessMitigationPolicy) noexcept {
    constexpr auto user_shadow_stack_policy = static_cast<PROCESS_MITIGATION_POLICY>(15);
    constexpr DWORD enabled = 1;
    DWORD flags = 0;
    return query(this_process(), user_shadow_stack_policy, &flags, sizeof flags) != FALSE && (flags & enabled) != 0;
}

} // namespace moor::win
