// What the system reports; moor's own categories are in own_errors.cpp.
#include "win/error.hpp"

#include <atomic>
#include <string>

#include <moor/error.hpp>
#include <moor/stack.hpp>

#include "win/known_errors.hpp"
#include "win/process.hpp"
#include "win/system_calls.hpp"
#include "win/system_stack.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

class winsock_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "winsock"; }

    // Its callers need not have room: they include error texts of the library's own.
    [[nodiscard]] std::string message(int code) const override {
        return on_system_stack([code] { return describe(code); });
    }

    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        if (const auto meaning = portable(code); meaning != std::errc{}) {
            return std::make_error_condition(meaning);
        }
        return {code, *this};
    }

private:
    static std::string describe(int code) {
        char text[512];
        const DWORD length =
            ::FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                             nullptr, static_cast<DWORD>(code), 0, text, sizeof text, nullptr);
        std::string message(text, length);
        while (!message.empty() && (message.back() == ' ' || message.back() == '.')) {
            message.pop_back();
        }
        if (const win::known_error* const known = win::find_known_error(code); message.empty() && known != nullptr) {
            message = known->text;
        }
        if (message.empty()) {
            return "system error " + std::to_string(code);
        }
        return message + " (" + std::to_string(code) + ")";
    }

    // What a call of Winsock's reports and what another function of the system reports for the same event, under the
    // one name that portable code tests for.
    static std::errc portable(int code) noexcept {
        const win::known_error* const known = win::find_known_error(code);
        return known != nullptr ? known->portable : std::errc{};
    }
};

} // namespace

const std::error_category& winsock_category() noexcept {
    static const winsock_error_category category;
    return category;
}

namespace win {

std::error_code to_error(std::uint32_t code) noexcept {
    return code == 0 ? std::error_code{} : std::error_code(static_cast<int>(code), winsock_category());
}

std::uint32_t last_error_number() noexcept { return ::GetLastError(); }

std::error_code last_error() noexcept { return to_error(last_error_number()); }

void throw_last_error(const char* what) { throw std::system_error(last_error(), what); }

// Not through the table of system calls: what a report says must be seen, whatever a test or a simulation has put
// there.
void write_error_stream_here(std::string_view text) noexcept {
    DWORD written = 0;
    ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
}

void write_error_stream(std::string_view text) noexcept {
    call_on_system_stack([text] { write_error_stream_here(text); });
}

namespace {
std::atomic<void (*)() noexcept> before_fatal{nullptr};
}

void call_before_fatal(void (*function)() noexcept) noexcept {
    before_fatal.store(function, std::memory_order_release);
}

void fatal(std::string_view text, unsigned exit_status) noexcept {
    if (auto* const function = before_fatal.load(std::memory_order_acquire)) {
        call_on_system_stack([function] { function(); });
    }
    write_error_stream("moor: ");
    write_error_stream(text);
    write_error_stream("\n");
    call_on_system_stack([exit_status] { ::TerminateProcess(this_process(), exit_status); });
    for (;;) {
        system().sleep(INFINITE); // TerminateProcess returns before the calling thread has ended
    }
}

} // namespace win
} // namespace moor
