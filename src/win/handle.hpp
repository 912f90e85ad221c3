// Owning types for everything that the system hands out as a HANDLE or SOCKET; no raw handle crosses a function
// boundary of the library without one of these around it.
#pragma once

#include <utility>

#include "win/system_calls.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

/// Owns a kernel object's HANDLE; null when empty. Closes it on destruction.
class unique_handle {
public:
    unique_handle() noexcept = default;
    explicit unique_handle(HANDLE adopted) noexcept : handle_(adopted == INVALID_HANDLE_VALUE ? nullptr : adopted) {}
    unique_handle(unique_handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    unique_handle& operator=(unique_handle&& other) noexcept {
        if (this != &other) {
            close();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~unique_handle() { close(); }

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    [[nodiscard]] HANDLE get() const noexcept { return handle_; }

    void close() noexcept {
        if (handle_ != nullptr) {
            call_on_system_stack([closed = std::exchange(handle_, nullptr)] { system().close_handle(closed); });
        }
    }

private:
    HANDLE handle_ = nullptr;
};

} // namespace moor::win
