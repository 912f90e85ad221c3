// A file with given contents that is gone with its owner.
#pragma once

#include <string_view>

#include "win/handle.hpp"
#include "win/windows.hpp"

namespace moor::test {

class temporary_file {
public:
    explicit temporary_file(std::string_view contents) noexcept {
        wchar_t folder[MAX_PATH];
        ::GetTempPathW(MAX_PATH, folder);
        ::GetTempFileNameW(folder, L"moo", 0, path_);
        const win::unique_handle file(
            ::CreateFileW(path_, GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
        DWORD written = 0;
        ::WriteFile(file.get(), contents.data(), static_cast<DWORD>(contents.size()), &written, nullptr);
    }
    ~temporary_file() { ::DeleteFileW(path_); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    [[nodiscard]] const wchar_t* path() const noexcept { return path_; }

    [[nodiscard]] win::unique_handle open_to_read() const noexcept {
        return win::unique_handle(
            ::CreateFileW(path_, GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr));
    }

private:
    wchar_t path_[MAX_PATH] = {};
};

} // namespace moor::test
