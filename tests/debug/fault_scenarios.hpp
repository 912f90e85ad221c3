// Faults of coroutines in child processes, and what is expected of the reports: for tests with and without stack
// checks.
#pragma once

#include <cstdint>
#include <regex>
#include <string>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "support/child.hpp"
#include "support/run.hpp"
#include "win/compiler.hpp"
#include "win/windows.hpp"

#if defined(_MSC_VER)
extern "C" void moor_test_return_to(std::uint64_t address); // faults_masm.asm
#endif

namespace moor::debug {

// Google Test's own expressions know no sets of characters here.
MATCHER_P(contains_pattern, pattern, "") { return std::regex_search(arg, std::regex(pattern)); }

inline constexpr const char* headline = "moor: a fault that nobody handled ends the process";

// What a return address of this program becomes when the system writes the length of a socket address, 16, to its
// upper half.
inline std::uint64_t damaged(const void* return_address) {
    return (reinterpret_cast<std::uint64_t>(return_address) & 0xffff'ffffu) | std::uint64_t{16} << 32u;
}

inline unsigned count_of(const std::string& part, const std::string& text) {
    unsigned count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

inline runtime_options with_room() {
    runtime_options options = test::with_workers(1);
    options.debug.exception_room = true;
    return options;
}

inline void fault_in(const spawn_options& options, void (*fault)()) {
    runtime running(with_room());
    running.spawn(options, fault).join();
}

inline test::child_end expect_access_violation(const test::scenario& wanted) {
    auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, static_cast<std::uint32_t>(STATUS_ACCESS_VIOLATION));
    return end;
}

/// For a scenario whose coroutine returns to what damaged() gives.
inline void expect_report_of_damaged_return(const test::scenario& wanted) {
    const auto end = expect_access_violation(wanted);
    EXPECT_THAT(end.error_output,
                testing::AllOf(
                    testing::HasSubstr(headline), contains_pattern("executing 0x10[0-9a-f]{8}"),
                    testing::HasSubstr("'victim'"),
                    contains_pattern("the instruction pointer: 0x00000010[0-9a-f]{8}: the lower half is code, the "
                                     "upper half is not: 0x1[0-9a-f]{8} .[a-z_]*debug_test.exe.0x[0-9a-f]+., with its "
                                     "upper half overwritten by 0x10")));
    EXPECT_EQ(count_of(headline, end.error_output), 1u);
}

/// As the function returns. On either stack, since it has no local.
MOOR_NOINLINE inline void return_to_damaged_address() {
    const std::uint64_t damage = damaged(MOOR_RETURN_ADDRESS());
#if defined(_MSC_VER)
    moor_test_return_to(damage);
#else
    asm volatile("push %0\n\tret" : : "r"(damage));
#endif
}

} // namespace moor::debug
