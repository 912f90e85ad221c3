// Asks the loader about the image that moor is part of, and reads the owner of the loader's lock from the process
// environment block.
#include "win/loader.hpp"

#include <cstddef>
#include <cstdint>

#include "win/compiler.hpp"
#include "win/teb.hpp"
#include "win/windows.hpp"

// ntdll's; in no header of the SDK. "RtlDllShutdownInProgress", Microsoft Learn.
extern "C" NTSYSAPI BOOLEAN NTAPI RtlDllShutdownInProgress();

namespace moor::win {
namespace {

HMODULE own_module(DWORD flags) noexcept {
    static const char inside = 0;
    HMODULE module = nullptr;
    ::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | flags, reinterpret_cast<const wchar_t*>(&inside),
                         &module);
    return module;
}

} // namespace

module_reference::module_reference() noexcept : module_(own_module(0)) {}

module_reference::~module_reference() {
    if (module_ != nullptr) {
        ::FreeLibrary(static_cast<HMODULE>(module_));
    }
}

void pin_module() noexcept { static_cast<void>(own_module(GET_MODULE_HANDLE_EX_FLAG_PIN)); }

const void* program_image() noexcept { return ::GetModuleHandleW(nullptr); }

const void* image_of(const void* address) noexcept {
    void* image = nullptr;
    return ::RtlPcToFileHeader(const_cast<void*>(address), &image);
}

bool process_is_ending() noexcept { return ::RtlDllShutdownInProgress() != FALSE; }

// Rejected: LdrLockLoaderLock, which does not say whether the caller had it before.
bool holds_loader_lock() noexcept {
    constexpr std::uint32_t process_block = 0x60; // in the TEB
    constexpr std::size_t loader_lock = 0x110;    // in that block: a CRITICAL_SECTION*
    const auto* const block = reinterpret_cast<const std::byte*>(read_gs_64(process_block));
    const auto* const lock = *reinterpret_cast<const CRITICAL_SECTION* const*>(block + loader_lock);
    return lock != nullptr && reinterpret_cast<std::uintptr_t>(lock->OwningThread) == teb::thread_id();
}

} // namespace moor::win
