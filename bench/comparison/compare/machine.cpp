// See machine.hpp.
#include "compare/machine.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "win/error.hpp"
#include "win/windows.hpp"

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace moor::bench::compare {
namespace {

std::array<unsigned, 4> processor_leaf(unsigned leaf) {
    std::array<unsigned, 4> values{};
#if defined(_MSC_VER) && !defined(__clang__)
    std::array<int, 4> signed_values{};
    ::__cpuid(signed_values.data(), static_cast<int>(leaf));
    std::memcpy(values.data(), signed_values.data(), sizeof values);
#else
    __get_cpuid(leaf, &values[0], &values[1], &values[2], &values[3]);
#endif
    return values;
}

std::string processor_name() {
    constexpr unsigned first = 0x8000'0002;
    std::string name;
    for (unsigned leaf = first; leaf < first + 3; ++leaf) {
        const auto values = processor_leaf(leaf);
        std::array<char, sizeof values> letters;
        std::memcpy(letters.data(), values.data(), sizeof values);
        name.append(letters.data(), letters.size());
    }
    name.resize(std::strlen(name.c_str()));
    name.erase(0, name.find_first_not_of(' '));
    name.erase(name.find_last_not_of(' ') + 1);
    return name.empty() ? "unknown" : name;
}

template <class Function>
Function ntdll_function(const char* name) {
    const auto address = ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), name);
    return reinterpret_cast<Function>(reinterpret_cast<void*>(address));
}

std::string system_name() {
    OSVERSIONINFOW version{};
    version.dwOSVersionInfoSize = sizeof version;
    if (const auto get = ntdll_function<LONG(NTAPI*)(OSVERSIONINFOW*)>("RtlGetVersion"); get != nullptr) {
        get(&version);
    }
    const auto windows =
        fmt::format("Windows {}.{}.{}", version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber);
    if (const auto wine = ntdll_function<const char* (*)()>("wine_get_version"); wine != nullptr) {
        return fmt::format("Wine {} (as {})", wine(), windows);
    }
    return windows;
}

std::string compiler_name() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return fmt::format("MSVC {}", _MSC_FULL_VER);
#endif
}

} // namespace

unsigned pin(unsigned processors) {
    DWORD_PTR allowed = 0;
    DWORD_PTR of_system = 0;
    if (::GetProcessAffinityMask(::GetCurrentProcess(), &allowed, &of_system) == FALSE) {
        win::throw_last_error("GetProcessAffinityMask");
    }
    DWORD_PTR chosen = 0;
    for (unsigned count = 0; count < processors && allowed != chosen; ++count) {
        chosen |= DWORD_PTR{1} << std::countr_zero(allowed & ~chosen);
    }
    if (::SetProcessAffinityMask(::GetCurrentProcess(), chosen) == FALSE) {
        win::throw_last_error("SetProcessAffinityMask");
    }
    return static_cast<unsigned>(std::popcount(chosen));
}

std::vector<std::pair<std::string, std::string>> describe_machine() {
    SYSTEM_INFO system{};
    ::GetNativeSystemInfo(&system);
    MEMORYSTATUSEX memory{};
    memory.dwLength = sizeof memory;
    ::GlobalMemoryStatusEx(&memory);
    constexpr double gibibyte = 1 << 30;
    const std::time_t now = std::time(nullptr);
    return {{"processor", fmt::format("{}, {} logical processors", processor_name(), system.dwNumberOfProcessors)},
            {"memory", fmt::format("{:.0f} GiB", static_cast<double>(memory.ullTotalPhys) / gibibyte)},
            {"system", system_name()},
            {"compiler", compiler_name()},
            {"date", fmt::format("{:%Y-%m-%d}", fmt::gmtime(now))}};
}

} // namespace moor::bench::compare
