// See child.hpp.
#include "support/child.hpp"

#include <array>
#include <thread>

#include "win/error.hpp"
#include "win/handle.hpp"

namespace moor::test {
namespace {

struct pipe {
    win::unique_handle read;
    win::unique_handle write; // inherited by children
};

pipe make_pipe() {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    HANDLE read = nullptr;
    HANDLE write = nullptr;
    if (::CreatePipe(&read, &write, &inherited, 0) == FALSE) {
        win::throw_last_error("CreatePipe");
    }
    pipe made{win::unique_handle(read), win::unique_handle(write)};
    if (::SetHandleInformation(read, HANDLE_FLAG_INHERIT, 0) == FALSE) {
        win::throw_last_error("SetHandleInformation");
    }
    return made;
}

std::wstring program_path() {
    std::array<wchar_t, 4096> path{};
    const DWORD length = ::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    if (length == 0 || length == path.size()) {
        win::throw_last_error("GetModuleFileName");
    }
    return {path.data(), length};
}

win::unique_handle start(const scenario& wanted, const pipe& errors) {
    const std::wstring program = program_path();
    std::wstring command = L"\"" + program + L"\" --scenario=";
    for (const char* letter = wanted.name(); *letter != '\0'; ++letter) {
        command += static_cast<wchar_t>(*letter);
    }
    STARTUPINFOW how{};
    how.cb = sizeof how;
    how.dwFlags = STARTF_USESTDHANDLES;
    how.hStdOutput = errors.write.get();
    how.hStdError = errors.write.get();
    PROCESS_INFORMATION started{};
    if (::CreateProcessW(program.c_str(), command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &how,
                         &started) == FALSE) {
        win::throw_last_error("CreateProcess");
    }
    win::unique_handle(started.hThread).close();
    return win::unique_handle(started.hProcess);
}

} // namespace

child_end run_in_child(const scenario& wanted) {
    pipe errors = make_pipe();
    const win::unique_handle process = start(wanted, errors);
    errors.write.close(); // the child has the only one left, so that its end is the end of the stream
    child_end end;
    std::thread reader([&] {
        std::array<char, 4096> buffer;
        DWORD count = 0;
        while (::ReadFile(errors.read.get(), buffer.data(), static_cast<DWORD>(buffer.size()), &count, nullptr) !=
                   FALSE &&
               count != 0) {
            end.error_output.append(buffer.data(), count);
        }
    });
    constexpr DWORD longest = 60'000; // milliseconds
    if (::WaitForSingleObject(process.get(), longest) == WAIT_TIMEOUT) {
        end.hung = true;
        ::TerminateProcess(process.get(), ~0u);
        ::WaitForSingleObject(process.get(), INFINITE);
    }
    reader.join();
    DWORD status = 0;
    ::GetExitCodeProcess(process.get(), &status);
    end.exit_status = status;
    return end;
}

} // namespace moor::test
