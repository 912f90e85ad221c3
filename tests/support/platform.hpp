// Which system the tests run on, where Wine is known to differ from Windows.
#pragma once

#include "win/windows.hpp"

namespace moor::test {

inline bool under_wine() noexcept {
    return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

} // namespace moor::test
