// See win/error.hpp and moor/error.hpp. What the system reports; moor's own categories are in own_errors.cpp.
#include "win/error.hpp"

#include <atomic>
#include <string>

#include <moor/error.hpp>

#include "win/own_stack.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

class winsock_error_category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "winsock"; }

    [[nodiscard]] std::string message(int code) const override {
        char text[512];
        const DWORD length = win::with_room([code, &text] {
            return ::FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                        FORMAT_MESSAGE_MAX_WIDTH_MASK,
                                    nullptr, static_cast<DWORD>(code), 0, text, sizeof text, nullptr);
        });
        std::string message(text, length);
        while (!message.empty() && (message.back() == ' ' || message.back() == '.')) {
            message.pop_back();
        }
        if (message.empty()) {
            return "system error " + std::to_string(code);
        }
        return message + " (" + std::to_string(code) + ")";
    }

    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        if (const auto meaning = portable(code); meaning != std::errc{}) {
            return std::make_error_condition(meaning);
        }
        return {code, *this};
    }

private:
    // What a completion reports (Win32 numbers: the kernel's status went through RtlNtStatusToDosError) and what a
    // call reports (Winsock numbers) for the same event, under the one name that portable code tests for.
    static std::errc portable(int code) noexcept {
        switch (code) {
        case WSAEINTR: return std::errc::interrupted;
        case WSAEBADF: return std::errc::bad_file_descriptor;
        case WSAEACCES:
        case ERROR_ACCESS_DENIED: return std::errc::permission_denied;
        case WSAEFAULT:
        case ERROR_INVALID_ADDRESS: return std::errc::bad_address;
        case WSAEINVAL:
        case ERROR_INVALID_PARAMETER: return std::errc::invalid_argument;
        case WSAEMFILE:
        case ERROR_TOO_MANY_OPEN_FILES: return std::errc::too_many_files_open;
        case WSAEWOULDBLOCK: return std::errc::operation_would_block;
        case WSAEINPROGRESS:
        case ERROR_IO_PENDING: return std::errc::operation_in_progress;
        case WSAEALREADY: return std::errc::connection_already_in_progress;
        case WSAENOTSOCK:
        case ERROR_INVALID_HANDLE: return std::errc::not_a_socket;
        case WSAEDESTADDRREQ: return std::errc::destination_address_required;
        case WSAEMSGSIZE:
        case ERROR_MORE_DATA: return std::errc::message_size;
        case WSAEPROTOTYPE: return std::errc::wrong_protocol_type;
        case WSAENOPROTOOPT: return std::errc::no_protocol_option;
        case WSAEPROTONOSUPPORT: return std::errc::protocol_not_supported;
        case WSAEOPNOTSUPP:
        case ERROR_NOT_SUPPORTED: return std::errc::operation_not_supported;
        case WSAEAFNOSUPPORT: return std::errc::address_family_not_supported;
        case WSAEADDRINUSE: return std::errc::address_in_use;
        case WSAEADDRNOTAVAIL:
        case ERROR_INCORRECT_ADDRESS: return std::errc::address_not_available;
        case WSAENETDOWN: return std::errc::network_down;
        case WSAENETUNREACH:
        case ERROR_NETWORK_UNREACHABLE: return std::errc::network_unreachable;
        case WSAENETRESET: return std::errc::network_reset;
        case WSAECONNABORTED:
        case ERROR_CONNECTION_ABORTED: return std::errc::connection_aborted;
        case WSAECONNRESET:
        case ERROR_PORT_UNREACHABLE: // of a datagram that was sent before; Winsock reports WSAECONNRESET for it
        case ERROR_NETNAME_DELETED: return std::errc::connection_reset;
        case WSAENOBUFS:
        case ERROR_NO_SYSTEM_RESOURCES: return std::errc::no_buffer_space;
        case WSAEISCONN: return std::errc::already_connected;
        case WSAENOTCONN: return std::errc::not_connected;
        case WSAETIMEDOUT:
        case ERROR_SEM_TIMEOUT:
        case WAIT_TIMEOUT: return std::errc::timed_out;
        case WSAECONNREFUSED:
        case ERROR_CONNECTION_REFUSED: return std::errc::connection_refused;
        case WSAEHOSTUNREACH:
        case ERROR_HOST_UNREACHABLE: return std::errc::host_unreachable;
        case ERROR_OPERATION_ABORTED: return std::errc::operation_canceled;
        case ERROR_BROKEN_PIPE:
        case ERROR_NO_DATA: return std::errc::broken_pipe;
        case ERROR_NOT_ENOUGH_MEMORY:
        case ERROR_OUTOFMEMORY:
        case ERROR_COMMITMENT_LIMIT: return std::errc::not_enough_memory;
        case ERROR_FILE_NOT_FOUND:
        case ERROR_PATH_NOT_FOUND: return std::errc::no_such_file_or_directory;
        default: return std::errc{};
        }
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

std::error_code last_error() noexcept { return to_error(::GetLastError()); }

void throw_last_error(const char* what) { throw std::system_error(last_error(), what); }

void write_error_stream(std::string_view text) noexcept {
    with_room([text] {
        DWORD written = 0;
        ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
    });
}

namespace {
std::atomic<void (*)() noexcept> before_fatal{nullptr};
}

void call_before_fatal(void (*function)() noexcept) noexcept {
    before_fatal.store(function, std::memory_order_release);
}

void fatal(std::string_view text, unsigned exit_status) noexcept {
    if (auto* const function = before_fatal.load(std::memory_order_acquire)) {
        with_room([function] { function(); });
    }
    write_error_stream("moor: ");
    write_error_stream(text);
    write_error_stream("\n");
    with_room([exit_status] { ::TerminateProcess(::GetCurrentProcess(), exit_status); });
    for (;;) {
        ::Sleep(INFINITE); // TerminateProcess returns before the calling thread has ended
    }
}

} // namespace win
} // namespace moor
