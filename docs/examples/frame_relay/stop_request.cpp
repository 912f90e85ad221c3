// The system calls us back on threads of its own, so this is all plain threads: a std::stop_source carries the request
// to the coroutines, whose calls take its token (and whose runtime knows by a moor::work_guard that it may come).
#include "stop_request.hpp"

#include <array>
#include <system_error>
#include <thread>

#include <windows.h>

namespace frame_relay {
namespace {

// A console handler gets no context, hence the global. Never destroyed: the threads below may outlive main().
std::stop_source& source() {
    static auto* const only = new std::stop_source;
    return *only;
}

BOOL WINAPI on_console_event(DWORD event) {
    source().request_stop();
    if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT) {
        ::Sleep(INFINITE); // the system ends the process when this returns; main() ends it when it is done
    }
    return TRUE;
}

} // namespace

std::stop_token stop_of_program() { return source().get_token(); }

void stop_on_console_event() {
    if (!::SetConsoleCtrlHandler(on_console_event, TRUE)) {
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), "SetConsoleCtrlHandler");
    }
}

void stop_on_end_of_input() {
    // Detached, since nothing ends a read of a pipe but its end: the end of the process takes the thread along. It
    // reads past the C runtime, whose lock on stdin would otherwise be held while the process exits.
    std::thread([input = ::GetStdHandle(STD_INPUT_HANDLE)] {
        std::array<char, 256> ignored;
        DWORD count = 0;
        while (::ReadFile(input, ignored.data(), static_cast<DWORD>(ignored.size()), &count, nullptr) && count > 0) {
        }
        source().request_stop();
    }).detach();
}

} // namespace frame_relay
