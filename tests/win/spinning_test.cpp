#include "win/spinning.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "support/source_text.hpp"
#include "win/system_calls.hpp"

namespace moor::win {
namespace {

std::atomic<unsigned> yields{0};
std::atomic<unsigned> sleeps{0};
std::atomic<DWORD> shortest{INFINITE};

BOOL WINAPI count_yield() {
    ++yields;
    return TRUE;
}
void WINAPI count_sleep(DWORD milliseconds) {
    ++sleeps;
    shortest = std::min<DWORD>(shortest, milliseconds);
}

// A yield gives the processor to threads of the same priority only: one that has none because this one spins gets it
// when this one sleeps.
TEST(spinning, pauses_then_yields_then_sleeps) {
    const win::replaced_system_calls replaced({.sleep = &count_sleep, .yield_thread = &count_yield});
    spinning until_then;
    ::SetLastError(4711);
    for (unsigned round = 0; round < 1000; ++round) {
        until_then.pause();
    }
    EXPECT_EQ(::GetLastError(), 4711u);
    EXPECT_EQ(yields, 64u);
    EXPECT_EQ(sleeps, 1000u - 64 - 64);
    EXPECT_GE(shortest, 1u);
}

// Whoever spins in another way has to be named here, with its reason.
TEST(spinning, is_how_the_library_spins) {
    const std::filesystem::path root = test::source_root();
    if (root.empty()) {
        GTEST_SKIP() << "the sources are not here";
    }
    std::size_t read = 0;
    for (const char* const folder : {"src", "include"}) {
        for (const auto& file : test::sources_below(root / folder)) {
            const std::string name = file.filename().string();
            ++read;
            if (name == "spinning.cpp" || name == "compiler.hpp" || name == "system_calls.cpp" ||
                name == "system_calls.hpp" ||   // these are the means
                name == "worker_idle.cpp" ||    // a hundred pauses, and no more
                name == "this_coroutine.cpp") { // a yield that a plain thread asked for
                continue;
            }
            const std::string code = test::code_of(test::read_text(file));
            for (const char* const means :
                 {"this_thread::yield", "SwitchToThread", "yield_thread", "win::pause()", "_mm_pause"}) {
                EXPECT_EQ(code.find(means), std::string::npos) << file.string() << " spins by " << means;
            }
        }
    }
    EXPECT_GT(read, 100u) << "not all sources were read";
}

} // namespace
} // namespace moor::win
