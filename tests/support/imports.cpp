// See imports.hpp.
#include "support/imports.hpp"

#include <cstring>
#include <string>

#include "win/windows.hpp"

namespace moor::test {
namespace {

// Whether the entry is for the function of that name. Microsoft's ws2_32.lib imports the older calls by their ordinals:
// then it is the address that tells.
bool is_of(const std::byte* image, const char* library, const IMAGE_THUNK_DATA64& entry, const char* name) {
    if ((entry.u1.Ordinal & IMAGE_ORDINAL_FLAG64) == 0) {
        const auto& named = *reinterpret_cast<const IMAGE_IMPORT_BY_NAME*>(image + entry.u1.AddressOfData);
        return std::strcmp(reinterpret_cast<const char*>(named.Name), name) == 0;
    }
    const HMODULE exporter = ::GetModuleHandleA(library);
    const FARPROC by_name = ::GetProcAddress(exporter, name);
    const auto* const ordinal = reinterpret_cast<const char*>(IMAGE_ORDINAL64(entry.u1.Ordinal));
    return by_name != nullptr && by_name == ::GetProcAddress(exporter, ordinal);
}

} // namespace

void** import_place(const char* name) {
    auto* const image = reinterpret_cast<std::byte*>(::GetModuleHandleW(nullptr));
    const auto& dos = *reinterpret_cast<const IMAGE_DOS_HEADER*>(image);
    const auto& headers = *reinterpret_cast<const IMAGE_NT_HEADERS64*>(image + dos.e_lfanew);
    const IMAGE_DATA_DIRECTORY& imports = headers.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    for (auto* library = reinterpret_cast<const IMAGE_IMPORT_DESCRIPTOR*>(image + imports.VirtualAddress);
         library->Name != 0; ++library) {
        auto* named = reinterpret_cast<const IMAGE_THUNK_DATA64*>(image + library->OriginalFirstThunk);
        auto* place = reinterpret_cast<void**>(image + library->FirstThunk);
        for (; named->u1.AddressOfData != 0; ++named, ++place) {
            if (is_of(image, reinterpret_cast<const char*>(image + library->Name), *named, name)) {
                return place;
            }
        }
    }
    return nullptr;
}

void* replace_import(const char* name, void* replacement) {
    void** const place = import_place(name);
    if (place == nullptr) {
        throw std::runtime_error(std::string("no import of ") + name);
    }
    DWORD protection = 0;
    ::VirtualProtect(place, sizeof *place, PAGE_READWRITE, &protection);
    void* const before = *place;
    *static_cast<void* volatile*>(place) = replacement; // an aligned word: other threads see the one or the other
    ::VirtualProtect(place, sizeof *place, protection, &protection);
    return before;
}

} // namespace moor::test
