// Runs all tests of an executable or, as a child of one of them, one scenario. ctest has the tests run with brief
// output, so that a failure is not lost among hundreds that passed: this names the test that a process dies in, or that
// does not end.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <gmock/gmock.h>

#include "scenario.hpp"

#if defined(_WIN32)
#include "win/windows.hpp"
#endif

namespace {

// The test that runs. Told by GoogleTest on the main thread, read in a crash and by the thread that looks for hangs.
class running_test final : public testing::EmptyTestEventListener {
public:
    void OnTestStart(const testing::TestInfo& test) override {
        const std::lock_guard guard(lock_);
        std::snprintf(name_, sizeof name_, "%s.%s", test.test_suite_name(), test.name());
        began_ = std::chrono::steady_clock::now();
    }
    void OnTestEnd(const testing::TestInfo&) override {
        const std::lock_guard guard(lock_);
        name_[0] = '\0';
    }

    // Without the lock: for a process that dies.
    static void name_in_crash() {
        if (name_[0] != '\0') {
            std::fprintf(stderr, "in the test %s\n", name_);
        }
        std::fflush(stderr);
    }

    // Never returns.
    static void look_for_hangs() {
        constexpr std::chrono::seconds long_time(60);
        for (std::string told;;) {
            std::this_thread::sleep_for(long_time / 6);
            const std::lock_guard guard(lock_);
            if (name_[0] != '\0' && std::chrono::steady_clock::now() - began_ > long_time && told != name_) {
                told = name_;
                std::printf("[ running  ] %s has not ended for a minute\n", name_);
                std::fflush(stdout);
            }
        }
    }

private:
    inline static std::mutex lock_;
    inline static char name_[256];
    inline static std::chrono::steady_clock::time_point began_;
};

#if defined(_WIN32)
// A crash ends the process at once, with the exception's code as its status. Otherwise Wine starts a debugger, which
// takes a second, and which holds the pipe that a parent reads from.
LONG WINAPI end_process(EXCEPTION_POINTERS* fault) {
    const EXCEPTION_RECORD& record = *fault->ExceptionRecord;
    std::fprintf(stderr, "unhandled exception %08lx at %p\n", record.ExceptionCode, record.ExceptionAddress);
    running_test::name_in_crash();
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
    testing::UnitTest::GetInstance()->listeners().Append(std::make_unique<running_test>().release()); // theirs now
    std::signal(SIGABRT, [](int) { running_test::name_in_crash(); });
    std::thread(&running_test::look_for_hangs).detach(); // ends with the process
    return RUN_ALL_TESTS();
}
