// CreateProcess with exactly two inherited handles. Without the handle list a second child started meanwhile would
// inherit our end of the pipe too, and closing it would no longer be the end-of-file that stops the first.
#include "load/child_process.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include <windows.h>

namespace frame_relay {
namespace {

[[noreturn]] void throw_last_error(const std::string& what) {
    throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), what);
}

std::wstring widen(std::string_view text) {
    std::wstring wide(text.size(), L'\0'); // never more units than bytes
    const int length = text.empty() ? 0
                                    : ::MultiByteToWideChar(CP_ACP, 0, text.data(), static_cast<int>(text.size()),
                                                            wide.data(), static_cast<int>(wide.size()));
    wide.resize(static_cast<std::size_t>(length));
    return wide;
}

/// In quotes, as the C runtime of the child takes them apart. None of our arguments has quotes or ends with a
/// backslash.
std::string in_quotes(std::string_view word) { return '"' + std::string(word) + '"'; }

/// STARTUPINFOEX's list of the handles that the child may inherit.
class inheritance_list {
public:
    explicit inheritance_list(std::span<HANDLE> handles) {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        memory_ = std::make_unique<std::byte[]>(size);
        if (!::InitializeProcThreadAttributeList(get(), 1, 0, &size)) {
            throw_last_error("InitializeProcThreadAttributeList");
        }
        if (!::UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(),
                                         handles.size_bytes(), nullptr, nullptr)) {
            ::DeleteProcThreadAttributeList(get());
            throw_last_error("UpdateProcThreadAttribute");
        }
    }
    ~inheritance_list() { ::DeleteProcThreadAttributeList(get()); }
    inheritance_list(const inheritance_list&) = delete;
    inheritance_list& operator=(const inheritance_list&) = delete;

    [[nodiscard]] LPPROC_THREAD_ATTRIBUTE_LIST get() const noexcept {
        return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.get());
    }

private:
    std::unique_ptr<std::byte[]> memory_;
};

void let_inherit(void* handle) {
    if (!::SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)) {
        throw_last_error("SetHandleInformation");
    }
}

} // namespace

void child_process::close_handle::operator()(void* handle) const noexcept { ::CloseHandle(handle); }

child_process::pipe child_process::make_pipe() {
    HANDLE read = nullptr;
    HANDLE write = nullptr;
    if (!::CreatePipe(&read, &write, nullptr, 0)) {
        throw_last_error("CreatePipe");
    }
    return {.read = unique_handle(read), .write = unique_handle(write)};
}

child_process::child_process(const std::string& program, const std::vector<std::string>& arguments) {
    pipe input = make_pipe();
    pipe output = make_pipe();
    start(program, arguments, input, output);
    input_ = std::move(input.write);
    output_ = std::move(output.read);
    // The child's ends are closed before the reader starts: as long as we hold one its output never ends.
    input = {};
    output = {};
    reader_ = std::thread([this] { read_lines(); });
}

void child_process::start(const std::string& program, const std::vector<std::string>& arguments, const pipe& input,
                          const pipe& output) {
    std::array<HANDLE, 3> inherited{input.read.get(), output.write.get(), ::GetStdHandle(STD_ERROR_HANDLE)};
    for (const HANDLE handle : {inherited[0], inherited[1]}) {
        let_inherit(handle);
    }
    std::size_t count = 2;
    if (inherited[2] != nullptr && inherited[2] != INVALID_HANDLE_VALUE) {
        // Best effort: a child without standard error still works.
        count += ::SetHandleInformation(inherited[2], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) ? 1u : 0u;
    }
    const inheritance_list list{std::span(inherited).first(count)};

    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = inherited[0];
    startup.StartupInfo.hStdOutput = inherited[1];
    startup.StartupInfo.hStdError = count == 3 ? inherited[2] : nullptr;
    startup.lpAttributeList = list.get();

    std::string line = in_quotes(program);
    for (const std::string& argument : arguments) {
        line += ' ' + in_quotes(argument);
    }
    std::wstring wide_line = widen(line);
    PROCESS_INFORMATION started{};
    // A process group of its own: Ctrl-C in the terminal is ours, and we then stop the child by its standard input.
    if (!::CreateProcessW(nullptr, wide_line.data(), nullptr, nullptr, TRUE,
                          EXTENDED_STARTUPINFO_PRESENT | CREATE_NEW_PROCESS_GROUP, nullptr, nullptr,
                          &startup.StartupInfo, &started)) {
        throw_last_error("cannot start '" + program + "'");
    }
    ::CloseHandle(started.hThread);
    process_ = unique_handle(started.hProcess);
}

child_process::~child_process() {
    if (!stop(std::chrono::seconds(5))) {
        ::TerminateProcess(process_.get(), 1);
    }
    reader_.join(); // the child's end closed the pipe
}

void child_process::read_lines() {
    std::array<char, 4096> buffer;
    std::string unfinished;
    DWORD count = 0;
    while (::ReadFile(output_.get(), buffer.data(), static_cast<DWORD>(buffer.size()), &count, nullptr) && count > 0) {
        const std::lock_guard guard(lock_);
        for (const char letter : std::string_view(buffer.data(), count)) {
            if (letter == '\n') {
                lines_.push_back(std::exchange(unfinished, {}));
            } else if (letter != '\r') {
                unfinished += letter;
            }
        }
        changed_.notify_all();
    }
    const std::lock_guard guard(lock_);
    output_ended_ = true;
    changed_.notify_all();
}

std::optional<std::string> child_process::next_line(std::chrono::milliseconds at_most) {
    std::unique_lock guard(lock_);
    changed_.wait_for(guard, at_most, [this] { return !lines_.empty() || output_ended_; });
    if (lines_.empty()) {
        return std::nullopt;
    }
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
}

std::optional<std::uint32_t> child_process::stop(std::chrono::milliseconds at_most) {
    input_.reset();
    if (::WaitForSingleObject(process_.get(), static_cast<DWORD>(at_most.count())) != WAIT_OBJECT_0) {
        return std::nullopt;
    }
    DWORD status = 1;
    ::GetExitCodeProcess(process_.get(), &status);
    return status;
}

} // namespace frame_relay
