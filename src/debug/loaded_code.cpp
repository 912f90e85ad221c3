// Reads the list of modules once, and for each the base that its file was linked for, so that tools which know only the
// file resolve a printed address.
#include "debug/loaded_code.hpp"

#include <algorithm>
#include <utility>

#include "unwind/image_headers.hpp"
#include "unwind/main_image.hpp"
#include "win/handle.hpp"
#include "win/loader.hpp"
#include "win/process.hpp"
#include "win/system_calls.hpp"
#include "win/windows.hpp"

#include <psapi.h>

namespace moor::debug {
namespace {

std::vector<HMODULE> modules() {
    std::vector<HMODULE> found(64);
    for (;;) {
        DWORD needed = 0;
        const auto bytes = static_cast<DWORD>(found.size() * sizeof(HMODULE));
        if (::K32EnumProcessModules(win::this_process(), found.data(), bytes, &needed) == FALSE) {
            return {static_cast<HMODULE>(const_cast<void*>(win::program_image()))};
        }
        const std::size_t count = needed / sizeof(HMODULE);
        const bool fits = count <= found.size();
        found.resize(count);
        if (fits) {
            return found;
        }
    }
}

std::array<char, 48> name_of(HMODULE module) noexcept {
    std::array<char, MAX_PATH> path{};
    const DWORD length = ::GetModuleFileNameA(module, path.data(), path.size());
    std::string_view file(path.data(), length);
    file = file.substr(file.find_last_of("\\/") + 1);
    std::array<char, 48> name{};
    std::copy_n(file.begin(), std::min(file.size(), name.size() - 1), name.data());
    return name;
}

// The headers in memory have the base that the image was loaded at; those of its file the one that it was linked for.
// 0: it is one of the system's, whose symbols are found otherwise, or cannot be read.
std::uint64_t linked_base_of(HMODULE module) {
    std::array<wchar_t, MAX_PATH> system{};
    std::array<wchar_t, MAX_PATH> path{};
    const UINT system_length = ::GetSystemDirectoryW(system.data(), system.size());
    if (::GetModuleFileNameW(module, path.data(), path.size()) == 0 ||
        ::_wcsnicmp(path.data(), system.data(), system_length) == 0) {
        return 0;
    }
    const win::unique_handle file(win::system().open_file(
        path.data(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING, 0, nullptr));
    std::array<std::byte, 4096> headers{};
    DWORD count = 0;
    if (!file || win::system().read_file(file.get(), headers.data(), headers.size(), &count, nullptr) == FALSE) {
        return 0;
    }
    const auto start = unwind::read_at<IMAGE_DOS_HEADER>(headers, 0);
    const auto stated = start
                            ? unwind::read_at<IMAGE_NT_HEADERS64>(headers, static_cast<std::uint64_t>(start->e_lfanew))
                            : std::nullopt;
    return stated && stated->Signature == IMAGE_NT_SIGNATURE ? stated->OptionalHeader.ImageBase : 0;
}

} // namespace

loaded_code::loaded_code() {
    for (const HMODULE each : modules()) {
        images_.push_back(
            {unwind::read_code_image(each), unwind::size_of_image(each), name_of(each), linked_base_of(each)});
    }
}

loaded_code::place loaded_code::place_of(std::uint64_t address) const noexcept {
    const image* const in = image_of(address);
    if (in == nullptr) {
        return {"in no image", "+", 0};
    }
    const std::uint64_t offset = address - in->code.base();
    return in->linked_base != 0 ? place{in->name(), " ", in->linked_base + offset} : place{in->name(), "+", offset};
}

const loaded_code::image* loaded_code::image_of(std::uint64_t address) const noexcept {
    const auto found =
        std::find_if(images_.begin(), images_.end(), [address](const image& each) { return each.contains(address); });
    return found != images_.end() ? &*found : nullptr;
}

std::uint64_t loaded_code::with_upper_half_restored(std::uint64_t word) const noexcept {
    constexpr std::uint64_t lower_half = 0xffff'ffff;
    if (image_of(word) != nullptr) {
        return 0;
    }
    for (const image& each : images_) {
        // An image may lie across the boundary of two upper halves.
        for (const std::uint64_t end : {each.code.base(), each.code.base() + each.size}) {
            const std::uint64_t whole = (end & ~lower_half) | (word & lower_half);
            if (each.code.contains_code(whole) && unwind::follows_call(each.code, whole)) {
                return whole;
            }
        }
    }
    return 0;
}

const loaded_code& code_at_start() {
    static const loaded_code found;
    return found;
}

} // namespace moor::debug
