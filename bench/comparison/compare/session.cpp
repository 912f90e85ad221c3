// See session.hpp.
#include "compare/session.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include <fmt/format.h>

#include "win/error.hpp"

namespace moor::bench::compare {
namespace {

constexpr DWORD pipe_size = 65536;

struct pipe {
    win::unique_handle ours;
    win::unique_handle theirs; // to be inherited
};

void let_inherit(const win::unique_handle& handle) {
    if (::SetHandleInformation(handle.get(), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) == FALSE) {
        win::throw_last_error("SetHandleInformation");
    }
}

pipe make_input() {
    HANDLE read = nullptr;
    HANDLE write = nullptr;
    if (::CreatePipe(&read, &write, nullptr, 0) == FALSE) {
        win::throw_last_error("CreatePipe");
    }
    pipe made{win::unique_handle(write), win::unique_handle(read)};
    let_inherit(made.theirs);
    return made;
}

// A pipe with a name, since only those can be read with a time-out.
pipe make_output() {
    static std::atomic<unsigned> made_before = 0;
    const std::wstring name =
        LR"(\\.\pipe\moor-compare-)" + std::to_wstring(::GetCurrentProcessId()) + L"-" + std::to_wstring(++made_before);
    pipe made;
    made.ours = win::unique_handle(
        ::CreateNamedPipeW(name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                           PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, pipe_size,
                           pipe_size, 0, nullptr));
    if (!made.ours) {
        win::throw_last_error("CreateNamedPipe");
    }
    made.theirs = win::unique_handle(::CreateFileW(name.c_str(), GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr));
    if (!made.theirs) {
        win::throw_last_error("CreateFile");
    }
    let_inherit(made.theirs);
    return made;
}

} // namespace

session::session(const std::filesystem::path& program, unsigned threads)
    : event_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) {
    if (!event_) {
        win::throw_last_error("CreateEvent");
    }
    pipe input = make_input();
    pipe output = make_output();
    std::filesystem::path file = program;
    file.make_preferred(); // a slash begins an option where a command line is taken apart by old rules
    std::wstring command = L"\"" + file.wstring() + L"\" " + std::to_wstring(threads);
    STARTUPINFOW how{};
    how.cb = sizeof how;
    how.dwFlags = STARTF_USESTDHANDLES;
    how.hStdInput = input.theirs.get();
    how.hStdOutput = output.theirs.get();
    how.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
    PROCESS_INFORMATION started{};
    if (::CreateProcessW(file.c_str(), command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &how, &started) ==
        FALSE) {
        win::throw_last_error("CreateProcess");
    }
    win::unique_handle(started.hThread).close();
    process_ = win::unique_handle(started.hProcess);
    input_ = std::move(input.ours);
    output_ = std::move(output.ours);
}

session::~session() {
    constexpr DWORD patience = 5000; // milliseconds
    input_.close();
    if (::WaitForSingleObject(process_.get(), patience) != WAIT_OBJECT_0) {
        ::TerminateProcess(process_.get(), 1);
        ::WaitForSingleObject(process_.get(), patience);
    }
}

std::string session::ask(std::string_view line, std::chrono::milliseconds longest) {
    send(line);
    const auto until = std::chrono::steady_clock::now() + longest;
    std::size_t end = 0;
    while ((end = received_.find('\n')) == std::string::npos) {
        receive(until, longest);
    }
    std::string answer = received_.substr(0, end);
    received_.erase(0, end + 1);
    if (answer.ends_with('\r')) {
        answer.pop_back();
    }
    return answer;
}

void session::send(std::string_view line) {
    const std::string text = std::string(line) + "\n";
    DWORD written = 0;
    if (::WriteFile(input_.get(), text.data(), static_cast<DWORD>(text.size()), &written, nullptr) == FALSE ||
        written != text.size()) {
        lost();
    }
}

void session::receive(std::chrono::steady_clock::time_point until, std::chrono::milliseconds longest) {
    std::array<char, 4096> buffer;
    OVERLAPPED overlapped{};
    overlapped.hEvent = event_.get();
    const bool pending =
        ::ReadFile(output_.get(), buffer.data(), static_cast<DWORD>(buffer.size()), nullptr, &overlapped) == FALSE;
    if (pending && ::GetLastError() != ERROR_IO_PENDING) {
        lost();
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const bool late =
        ::WaitForSingleObject(event_.get(), static_cast<DWORD>(std::max(left.count(), 0LL))) != WAIT_OBJECT_0;
    if (late) {
        // The process's end ends the read too, if cancelling does not: the buffer is free after that.
        ::TerminateProcess(process_.get(), 1);
        ::CancelIoEx(output_.get(), &overlapped);
    }
    DWORD count = 0;
    const bool read = ::GetOverlappedResult(output_.get(), &overlapped, &count, TRUE) != FALSE;
    if (late) {
        throw peer_lost(fmt::format("took longer than {} s", std::chrono::duration<double>(longest).count()));
    }
    if (!read || count == 0) {
        lost();
    }
    received_.append(buffer.data(), count);
}

void session::lost() {
    constexpr DWORD patience = 5000; // milliseconds
    DWORD status = 0;
    if (::WaitForSingleObject(process_.get(), patience) != WAIT_OBJECT_0 ||
        ::GetExitCodeProcess(process_.get(), &status) == FALSE) {
        throw peer_lost("closed its output");
    }
    throw peer_lost(fmt::format("ended with status {:#x}", status));
}

} // namespace moor::bench::compare
