#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include <moor/overlapped.hpp>

#include <windows.h>

#include "header_examples.hpp"

void overlapped_example() {
    std::wstring name(MAX_PATH, L'\0');
    name.resize(::GetTempPathW(MAX_PATH, name.data()));
    name += L"moor_header_examples";
    std::ofstream(std::filesystem::path(name), std::ios::binary) << std::string(4096, '.') << "moors";

    const wchar_t* const path = name.c_str();
    std::array<std::byte, 100> buffer{};
    constexpr DWORD size = buffer.size();
    moor::overlapped_handle file(
        ::CreateFileW(path, GENERIC_READ, 0, nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    const auto count = file.call([&](OVERLAPPED* overlapped, std::span<std::byte>) -> std::uint32_t {
        overlapped->Offset = 4096;
        return ::ReadFile(file.native_handle(), buffer.data(), size, nullptr, overlapped) ? 0 : ::GetLastError();
    });

    expect(count == 5 && buffer[0] == std::byte{'m'}, "overlapped");
    file.close_and_wait();
    ::DeleteFileW(path);
}
