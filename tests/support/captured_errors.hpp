// What the library writes to standard error while one lives, as text. Only for its own messages
// (win::write_error_stream), which look the handle up each time; a stream of the C library keeps the handle that it
// started with.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "win/error.hpp"
#include "win/handle.hpp"

namespace moor::test {

class captured_errors {
public:
    captured_errors() : before_(::GetStdHandle(STD_ERROR_HANDLE)) {
        HANDLE read = nullptr;
        HANDLE write = nullptr;
        if (::CreatePipe(&read, &write, nullptr, 1 << 20) == FALSE) { // more than any message, so that no writer blocks
            win::throw_last_error("CreatePipe");
        }
        read_ = win::unique_handle(read);
        write_ = win::unique_handle(write);
        ::SetStdHandle(STD_ERROR_HANDLE, write);
    }
    ~captured_errors() { ::SetStdHandle(STD_ERROR_HANDLE, before_); }
    captured_errors(const captured_errors&) = delete;
    captured_errors& operator=(const captured_errors&) = delete;

    /// All that was written so far.
    [[nodiscard]] const std::string& text() {
        DWORD waiting = 0;
        while (::PeekNamedPipe(read_.get(), nullptr, 0, nullptr, &waiting, nullptr) != FALSE && waiting != 0) {
            std::array<char, 4096> buffer;
            DWORD count = 0;
            if (::ReadFile(read_.get(), buffer.data(), static_cast<DWORD>(buffer.size()), &count, nullptr) == FALSE) {
                break;
            }
            text_.append(buffer.data(), count);
        }
        return text_;
    }

    /// Blocks the calling thread until `part` was written; false when it was not within half a minute.
    [[nodiscard]] bool wait_for(std::string_view part) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (text().find(part) == std::string::npos) {
            if (std::chrono::steady_clock::now() >= end) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

private:
    HANDLE before_;
    win::unique_handle read_;
    win::unique_handle write_;
    std::string text_;
};

} // namespace moor::test
