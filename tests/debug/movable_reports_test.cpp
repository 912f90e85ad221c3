// What the library tells a person of stacks that move. Built with stack checks.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include <gmock/gmock.h>

#include <moor/debug.hpp>
#include <moor/forensics.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/fault_scenarios.hpp"
#include "support/child.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace debug;
using testing::AllOf;
using testing::HasSubstr;

volatile int* volatile nowhere = nullptr; // else a compiler sees that it is null, and that nobody may get there

const test::scenario null_in_movable("null_in_movable", [] {
    fault_in({.name = "mover", .stack = stack_kind::movable}, [] {
        ensure_stack(std::size_t{20} * 1024);
        *nowhere = 1;
    });
});
TEST(movable_reports, say_where_the_stack_of_a_fault_has_been) {
    const auto end = expect_access_violation(null_in_movable);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr("'mover'"), HasSubstr("its stack: movable, 65536 bytes from 0x"),
                      HasSubstr("moved 1 times"), HasSubstr("its last move: from 16384 bytes at 0x")));
}

const test::scenario damaged_return("damaged_return", [] {
    fault_in({.name = "victim", .stack = stack_kind::movable}, &return_to_damaged_address);
});
TEST(movable_reports, of_a_return_to_an_address_with_an_overwritten_upper_half) {
    expect_report_of_damaged_return(damaged_return);
}

// The system has no room on such a stack to tell of the fault, and does what it likes; but it does not hang.
const test::scenario fault_without_room("fault_without_room", [] {
    runtime running(test::with_workers(1));
    running.spawn({.name = "small", .stack = stack_kind::movable}, [] { *nowhere = 1; }).join();
});
TEST(movable_reports, of_a_fault_on_a_stack_without_room_for_its_record) {
    const auto end = test::run_in_child(fault_without_room);
    EXPECT_FALSE(end.hung);
    EXPECT_NE(end.exit_status, 0u);
    if (end.exit_status == 3) {
        EXPECT_THAT(end.error_output,
                    HasSubstr("has ended within coroutine #1 'small', without a report: its movable"));
    }
}

std::size_t first_size(const runtime_options& options) {
    runtime running(options);
    return running.spawn({.stack = stack_kind::movable}, [] { return this_coroutine::stack_size(); }).join();
}

TEST(movable_reports, switches_of_the_environment_are_read_when_a_runtime_starts) {
    runtime_options options = test::with_workers(1);
    options.debug.stack_min = 8192;
    EXPECT_EQ(first_size(options), 8192u);
    ::_putenv_s("MOOR_DEBUG", "stack_min=32768,stack_poison_copy=1");
    EXPECT_EQ(first_size(options), 32768u) << "the environment has the last word";
    ::_putenv_s("MOOR_DEBUG", "");
}

// ---- Watches -------------------------------------------------------------------------------------------------------

alignas(8) volatile std::uint64_t word = 0;

std::error_code error_of_watch() {
    std::error_code error;
    const watch tried(&word, 8, watch_output::none, error);
    return error;
}

TEST(movable_reports, refuse_a_watch_beside_stacks_without_room) {
    runtime running(test::with_workers(1));
    const auto error =
        running.spawn({.stack = stack_kind::movable, .stack_size = 65536}, [] { return error_of_watch(); }).join();
    EXPECT_EQ(error, std::errc::operation_not_permitted);
}

TEST(movable_reports, do_not_refuse_a_watch_for_one_that_has_ended) {
    runtime running(test::with_workers(1));
    auto ended = running.spawn({.stack = stack_kind::movable}, [] {});
    std::error_code error;
    ASSERT_TRUE(ended.wait(no_limit, error));
    EXPECT_NE(error_of_watch(), std::errc::operation_not_permitted) << "its handle keeps the block";
    ended.join();
}

TEST(movable_reports, of_a_watch_name_the_kind_of_stack) {
    runtime_options options = test::with_workers(1);
    options.debug.exception_room = true;
    runtime running(options);
    if (error_of_watch() == std::errc::not_supported) {
        GTEST_SKIP() << "this system does not deliver the processor's watches";
    }
    const watch watched(&word, 8);
    word = 1;
    running.spawn({.name = "mover", .stack = stack_kind::movable}, [] { word = 4; }).join();
    const auto hits = watched.hits();
    ASSERT_EQ(hits.size(), 2u);
    EXPECT_EQ(hits[1].stack, watched_stack::movable);
    EXPECT_EQ(hits[1].coroutine_name, "mover");
}

} // namespace
} // namespace moor
