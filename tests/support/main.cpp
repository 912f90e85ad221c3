// Runs all tests of an executable or, as a child of one of them, one scenario.
#include <cstdio>
#include <string_view>

#include <gmock/gmock.h>

#include "scenario.hpp"

#if defined(_WIN32)
#include "win/windows.hpp"
#endif

namespace {

#if defined(_WIN32)
// A crash ends the process at once, with the exception's code as its status. Otherwise Wine starts a debugger, which
// takes a second, and which holds the pipe that a parent reads from.
LONG WINAPI end_process(EXCEPTION_POINTERS* fault) {
    const EXCEPTION_RECORD& record = *fault->ExceptionRecord;
    std::fprintf(stderr, "unhandled exception %08lx at %p\n", record.ExceptionCode, record.ExceptionAddress);
    std::fflush(stderr);
    ::TerminateProcess(::GetCurrentProcess(), record.ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}
#endif

int run_scenario(std::string_view name) {
    const moor::test::scenario* const wanted = moor::test::scenario::find(name);
    if (wanted == nullptr) {
        std::fprintf(stderr, "there is no such scenario\n");
        return 2;
    }
    wanted->run();
    return 0;
}

} // namespace

int main(int count, char** arguments) {
#if defined(_WIN32)
    ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    ::SetUnhandledExceptionFilter(&end_process);
#endif
    constexpr std::string_view option = "--scenario=";
    if (count == 2 && std::string_view(arguments[1]).starts_with(option)) {
        return run_scenario(std::string_view(arguments[1]).substr(option.size()));
    }
    testing::InitGoogleMock(&count, arguments);
    return RUN_ALL_TESTS();
}
