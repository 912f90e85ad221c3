// The system's calls are made where they have room (law 6).
#include <moor/sendable_file.hpp>

#include "net/throwing.hpp"
#include "win/error.hpp"
#include "win/handle.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"

namespace moor {

using net::or_throw;

sendable_file::sendable_file(void* native_handle) noexcept
    : handle_(native_handle == INVALID_HANDLE_VALUE ? nullptr : native_handle) {}

sendable_file::~sendable_file() { const win::unique_handle closed(handle_); }

sendable_file sendable_file::open(const std::filesystem::path& path, std::error_code& error) noexcept {
    const wchar_t* const name = path.c_str();
    sendable_file opened(win::call_on_system_stack([name] {
        return win::system().open_file(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                       nullptr, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, nullptr);
    }));
    error = opened.is_open() ? std::error_code{} : win::last_error();
    return opened;
}

sendable_file sendable_file::open(const std::filesystem::path& path) {
    return or_throw(
        "moor: open", [&](std::error_code& error) { return open(path, error); }, path);
}

std::uint64_t sendable_file::size(std::error_code& error) const noexcept {
    if (handle_ == nullptr) {
        error = win::to_error(std::errc::bad_file_descriptor);
        return 0;
    }
    LARGE_INTEGER bytes{};
    const BOOL known = win::call_on_system_stack([&] { return win::system().file_size(handle_, &bytes); });
    error = known != FALSE ? std::error_code{} : win::last_error();
    return static_cast<std::uint64_t>(bytes.QuadPart);
}

std::uint64_t sendable_file::size() const {
    return or_throw("moor: size of a file", [&](std::error_code& error) { return size(error); });
}

} // namespace moor
