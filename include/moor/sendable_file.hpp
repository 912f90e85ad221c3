// A file as a stream sends it (tcp_stream::send_file): an owned handle, open to be read.
//
//     stream.send_file(moor::sendable_file::open("page.html"));
#pragma once

#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

namespace moor {

/// Owns the HANDLE of a file. Move-only; belongs to no runtime. Any number of streams may send from it at a time, each
/// from a place of its own. Must stay open until they have.
class sendable_file {
public:
    /// No file.
    sendable_file() noexcept = default;
    /// Takes over `native_handle`, which can be read (opened with or without FILE_FLAG_OVERLAPPED), and closes it in
    /// the end. INVALID_HANDLE_VALUE and null are no file.
    explicit sendable_file(void* native_handle) noexcept;
    /// `other` has no file afterwards.
    sendable_file(sendable_file&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    /// `other` has this one's file afterwards, and closes it in the end.
    sendable_file& operator=(sendable_file&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~sendable_file();

    /// Others may read, write and delete the file meanwhile. Does not suspend: the thread waits for the system. Errors:
    /// no_such_file_or_directory, permission_denied, …
    [[nodiscard]] static sendable_file open(const std::filesystem::path& path);
    [[nodiscard]] static sendable_file open(const std::filesystem::path& path, std::error_code& error) noexcept;

    /// In bytes, now. Error: bad_file_descriptor without a file, or the system's. Does not suspend.
    [[nodiscard]] std::uint64_t size() const;
    [[nodiscard]] std::uint64_t size(std::error_code& error) const noexcept;

    /// Whether there is a file.
    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }

    /// The HANDLE; stays owned. Null without a file.
    [[nodiscard]] void* native_handle() const noexcept { return handle_; }

private:
    void* handle_ = nullptr;
};

} // namespace moor
