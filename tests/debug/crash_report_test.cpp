// The report of a fault that ends the process: what it says of the coroutine, its stack, its operations and the damage;
// that the process ends as it would without; and that a fault which is handled is not reported.
#include <moor/debug.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>

#include <moor/overlapped.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/fault_scenarios.hpp"
#include "support/child.hpp"
#include "win/compiler.hpp"
#include "win/windows.hpp"

// Of faults_gas.S and faults_masm.asm.
extern "C" bool moor_test_handled_fault();
extern "C" bool moor_test_handled_fault_below_damage();

namespace moor {
namespace {

using namespace debug;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- Faults --------------------------------------------------------------------------------------------------------

volatile int* volatile nowhere = nullptr; // else a compiler sees that it is null, and that nobody may get there

MOOR_NOINLINE void write_to_null() { *nowhere = 1; }

// The damage lies on the stack still when the fault comes.
MOOR_NOINLINE void fault_above_damaged_address() {
    volatile std::uint64_t words[4] = {0, damaged(MOOR_RETURN_ADDRESS()), 0, 0};
    static_cast<void>(words[0]);
    write_to_null();
    static_cast<void>(words[1]);
}

// ---- In a coroutine ------------------------------------------------------------------------------------------------

const test::scenario null_in_reserved("null_in_reserved", [] { fault_in({.name = "victim"}, &write_to_null); });
TEST(crash_report, of_a_write_to_null_in_a_coroutine) {
    const auto end = expect_access_violation(null_in_reserved);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr(headline), HasSubstr("exception c0000005, writing 0x0, by the instruction at 0x"),
                      contains_pattern("debug_test.exe.0x[0-9a-f]+"), HasSubstr("in coroutine #"),
                      HasSubstr("'victim' on worker 0"), HasSubstr("its stack: reserved, 262144 bytes from 0x"),
                      HasSubstr("moved 0 times"), HasSubstr("bytes of this stack below its top"),
                      Not(HasSubstr("not on its own stack")),
                      HasSubstr(" 0 words look like return addresses with an overwritten upper half"),
                      HasSubstr("0 operations of its runtime are in flight")));
    EXPECT_EQ(count_of(headline, end.error_output), 1u);
}

TEST(crash_report, lists_the_calls_that_led_there) {
    const auto end = expect_access_violation(null_in_reserved);
    EXPECT_THAT(end.error_output,
                contains_pattern("the calls that led there, the innermost first:\r?\n(moor:     debug_test.exe "
                                 "0x[0-9a-f]+\r?\n){3}"));
}

// In whose guard page another one's stale address leads.
const test::scenario guard_page("guard_page", [] {
    runtime running(test::with_workers(1));
    running.run([] {
        std::atomic<const volatile char*> where{nullptr};
        auto parked = spawn({.name = "parked"}, [&where] {
            const volatile char local = 1;
            where = &local;
            this_coroutine::sleep_for(1h);
        });
        this_coroutine::yield();
        spawn({.name = "stale"}, [&where] { static_cast<void>(*(where.load() - 4096)); }).join();
    });
});
TEST(crash_report, of_a_touch_of_another_stacks_guard_page) {
    const auto end = test::run_in_child(guard_page);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, static_cast<std::uint32_t>(STATUS_GUARD_PAGE_VIOLATION));
    EXPECT_THAT(end.error_output, AllOf(HasSubstr(headline), HasSubstr("exception 80000001, reading 0x"),
                                        HasSubstr("'stale' on worker 0"),
                                        HasSubstr("the address lies on the stack of coroutine #2 'parked'")));
}

const test::scenario breakpoint("breakpoint", [] { fault_in({.name = "victim"}, [] { ::DebugBreak(); }); });
TEST(crash_report, of_other_exceptions_that_end_the_process) {
    const auto end = test::run_in_child(breakpoint);
    EXPECT_FALSE(end.hung);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr(headline), HasSubstr("exception 80000003"), HasSubstr("'victim'")));
}

const test::scenario null_on_system_stack("null_on_system_stack", [] {
    fault_in({.name = "visitor"}, [] { on_system_stack([]() noexcept { write_to_null(); }); });
});
TEST(crash_report, of_a_fault_on_the_system_stack) {
    const auto end = expect_access_violation(null_on_system_stack);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr("'visitor' on worker 0, not on its own stack"), HasSubstr("writing 0x0")));
    EXPECT_EQ(count_of(headline, end.error_output), 1u);
}

const test::scenario with_operation("with_operation", [] {
    runtime running(with_room());
    running.run([] {
        auto listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        auto waiting = spawn([&] { static_cast<void>(listener.accept()); });
        this_coroutine::sleep_for(20ms);
        spawn({.name = "victim"}, &write_to_null).join();
    });
});
TEST(crash_report, lists_operations_in_flight_with_their_addresses) {
    const auto end = expect_access_violation(with_operation);
    EXPECT_THAT(end.error_output,
                AllOf(contains_pattern("operation 0x[0-9a-f]+ is (pending|waited for): OVERLAPPED 0x[0-9a-f]+, address "
                                       "0x[0-9a-f]+, its length 0x[0-9a-f]+"),
                      contains_pattern("[1-9][0-9]* operations of its runtime are in flight")));
}

const test::scenario damaged_return_reserved("damaged_return_reserved",
                                             [] { fault_in({.name = "victim"}, &return_to_damaged_address); });
TEST(crash_report, of_a_return_to_an_address_with_an_overwritten_upper_half) {
    expect_report_of_damaged_return(damaged_return_reserved);
}

const test::scenario damage_above("damage_above", [] { fault_in({.name = "victim"}, &fault_above_damaged_address); });
TEST(crash_report, finds_damaged_words_near_the_stack_pointer) {
    const auto end = expect_access_violation(damage_above);
    EXPECT_THAT(end.error_output,
                AllOf(contains_pattern("the word at 0x[0-9a-f]+: 0x00000010[0-9a-f]{8}: the lower half is code"),
                      HasSubstr(" 1 words look like return addresses with an overwritten upper half"),
                      Not(HasSubstr("the instruction pointer: "))));
}

// ---- Not -----------------------------------------------------------------------------------------------------------

const test::scenario handled_by_a_frame("handled_by_a_frame", [] {
    fault_in({}, [] {
        if (!moor_test_handled_fault()) {
            std::abort();
        }
    });
});
const test::scenario handled_on_system_stack("handled_on_system_stack", [] {
    fault_in({}, [] {
        on_system_stack([]() noexcept {
            if (!moor_test_handled_fault()) {
                std::abort();
            }
        });
    });
});
// Nobody sees the coroutine's first frame from there, but the frame that handles it is seen.
const test::scenario handled_below_damage("handled_below_damage", [] {
    fault_in({}, [] {
        if (!moor_test_handled_fault_below_damage()) {
            std::abort();
        }
    });
});
TEST(crash_report, is_not_made_when_a_frame_handles_the_fault) {
    for (const auto* each : {&handled_by_a_frame, &handled_on_system_stack, &handled_below_damage}) {
        const auto end = test::run_in_child(*each);
        EXPECT_EQ(end.exit_status, 0u) << each->name();
        EXPECT_EQ(end.error_output, "") << each->name();
    }
}

const test::scenario outside("outside", [] {
    const runtime running(test::with_workers(1));
    write_to_null();
});
TEST(crash_report, outside_of_any_coroutine_goes_on_to_the_filter_that_was_there) {
    const auto end = expect_access_violation(outside);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr(headline), HasSubstr("outside of any coroutine"),
                                        Not(HasSubstr("worker")), HasSubstr("unhandled exception c0000005")));
    EXPECT_EQ(count_of(headline, end.error_output), 1u);
}

TEST(crash_report, leaves_the_filter_as_it_was) {
    const auto current = [] {
        const auto filter = ::SetUnhandledExceptionFilter(nullptr);
        ::SetUnhandledExceptionFilter(filter);
        return filter;
    };
    const auto before = current();
    {
        const runtime running(test::with_workers(1));
        EXPECT_NE(current(), before);
    }
    EXPECT_EQ(current(), before);
}

const test::scenario switched_off("switched_off", [] {
    runtime_options options = test::with_workers(1);
    options.debug.crash_report_off = true;
    runtime running(options);
    running.run(&write_to_null);
});
const test::scenario switched_off_in_one("switched_off_in_one", [] {
    const runtime other(test::with_workers(1));
    switched_off.run();
});
const test::scenario switched_off_outside("switched_off_outside", [] {
    runtime_options options = test::with_workers(1);
    options.debug.crash_report_off = true;
    const runtime running(options);
    write_to_null();
});
TEST(crash_report, can_be_switched_off) {
    EXPECT_THAT(expect_access_violation(switched_off_outside).error_output,
                AllOf(Not(HasSubstr("moor:")), HasSubstr("unhandled exception c0000005")));
    for (const auto* each : {&switched_off, &switched_off_in_one}) {
        EXPECT_EQ(expect_access_violation(*each).error_output, "");
    }
}

} // namespace

// Of moor_test_handled_fault's frame: goes on behind the instruction.
extern "C" EXCEPTION_DISPOSITION moor_test_skip_fault(EXCEPTION_RECORD*, void*, CONTEXT* registers, void*) {
    registers->Rip += 3;
    return ExceptionContinueExecution;
}

} // namespace moor
