// Runs all tests of an executable or, as a child of one of them, one scenario.
#include <cstdio>
#include <string_view>

#include <gmock/gmock.h>

#include "scenario.hpp"

#if defined(_WIN32)
#include "win/windows.hpp"
#endif

namespace {

int run_scenario(std::string_view name) {
#if defined(_WIN32)
    ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX); // a crash is reported to the parent, not in a box
#endif
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
    constexpr std::string_view option = "--scenario=";
    if (count == 2 && std::string_view(arguments[1]).starts_with(option)) {
        return run_scenario(std::string_view(arguments[1]).substr(option.size()));
    }
    testing::InitGoogleMock(&count, arguments);
    return RUN_ALL_TESTS();
}
