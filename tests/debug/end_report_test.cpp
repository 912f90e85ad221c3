// What a coroutine's std::terminate and abort say of it, beside what the C++ runtime says.
#include <cstdlib>
#include <exception>
#include <regex>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "support/child.hpp"
#include "support/run.hpp"
#include "win/compiler.hpp"

namespace moor {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

MATCHER_P(contains_pattern, pattern, "") { return std::regex_search(arg, std::regex(pattern)); }

void run_victim(void (*body)()) {
    runtime running(test::with_workers(1));
    running.spawn({.name = "victim"}, body).join();
}

MOOR_NOINLINE void fail() { throw std::runtime_error("the reason"); }

MOOR_NOINLINE void throw_out_of_noexcept() noexcept { fail(); }

const test::scenario terminating("terminating", [] { run_victim([] { throw_out_of_noexcept(); }); });
TEST(end_report, of_terminate_names_the_coroutine_and_the_exception) {
    const auto end = test::run_in_child(terminating);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr("moor: std::terminate was called in a coroutine and ends the process"),
                      HasSubstr("in coroutine #1 'victim' on worker 0"), HasSubstr("the exception: the reason"),
                      contains_pattern("the calls that led there, the innermost first:\r?\nmoor:     debug_test.exe "
                                       "0x[0-9a-f]+"),
                      Not(HasSubstr("moor: abort"))));
}

const test::scenario terminating_plainly("terminating_plainly", [] { run_victim([] { std::terminate(); }); });
TEST(end_report, of_terminate_without_an_exception) {
    const auto end = test::run_in_child(terminating_plainly);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr("moor: std::terminate was called"), Not(HasSubstr("the exception:"))));
}

const test::scenario aborting("aborting", [] { run_victim([] { std::abort(); }); });
TEST(end_report, of_abort_names_the_coroutine) {
    const auto end = test::run_in_child(aborting);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("moor: abort was called in a coroutine and ends the process"),
                                        HasSubstr("in coroutine #1 'victim' on worker 0"),
                                        contains_pattern("moor:     debug_test.exe 0x[0-9a-f]+")));
}

const test::scenario aborting_outside("aborting_outside", [] {
    const runtime running(test::with_workers(1));
    std::abort();
});
const test::scenario aborting_silently("aborting_silently", [] {
    runtime_options options = test::with_workers(1);
    options.debug.crash_report_off = true;
    runtime running(options);
    running.run([] { std::abort(); });
});
const test::scenario aborting_silently_in_one("aborting_silently_in_one", [] {
    const runtime other(test::with_workers(1));
    aborting_silently.run();
});
TEST(end_report, is_not_made_outside_of_coroutines_or_when_it_is_switched_off) {
    for (const auto* each : {&aborting_outside, &aborting_silently, &aborting_silently_in_one}) {
        const auto end = test::run_in_child(*each);
        EXPECT_EQ(end.exit_status, 3u) << each->name();
        EXPECT_THAT(end.error_output, Not(HasSubstr("moor:"))) << each->name();
    }
}

const test::scenario handlers_before("handlers_before", [] {
    std::set_terminate([] { std::_Exit(17); });
    run_victim([] { throw_out_of_noexcept(); });
});
TEST(end_report, calls_the_handler_from_before) {
    const auto end = test::run_in_child(handlers_before);
    EXPECT_EQ(end.exit_status, 17u);
    EXPECT_THAT(end.error_output, HasSubstr("the exception: the reason"));
}

TEST(end_report, leaves_the_handlers_as_they_were) {
    const auto before = std::get_terminate();
    {
        const runtime running(test::with_workers(1));
#if !defined(_MSC_VER) // whose handlers are each thread's own
        EXPECT_NE(std::get_terminate(), before);
#endif
    }
    EXPECT_EQ(std::get_terminate(), before);
}

} // namespace
} // namespace moor
