// MOOR_DEBUG: every switch does what its name says to runtime_options::debug, and whatever is not understood is an
// error when a runtime starts, with the words that were not understood.
#include <moor/debug.hpp>

#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"

namespace moor {
namespace {

using testing::AllOf;
using testing::HasSubstr;

debug_switches parsed(std::string_view text, debug_switches before = {}) {
    parse_debug_switches(text, before);
    return before;
}

struct flag {
    const char* name;
    bool debug_switches::*member;
};
constexpr flag flags[] = {
    {"stack_poison_copy", &debug_switches::stack_poison_copy},
    {"stack_fault_on_free", &debug_switches::stack_fault_on_free},
    {"stack_guard", &debug_switches::stack_guard},
    {"stack_no_cache", &debug_switches::stack_no_cache},
    {"shrink_off", &debug_switches::shrink_off},
    {"check_frames", &debug_switches::check_frames},
    {"force_move", &debug_switches::force_move},
    {"verify_copy", &debug_switches::verify_copy},
    {"audit", &debug_switches::audit},
    {"exception_room", &debug_switches::exception_room},
    {"crash_report_off", &debug_switches::crash_report_off},
    {"hang_report_off", &debug_switches::hang_report_off},
};

unsigned flags_on(const debug_switches& of) {
    unsigned count = 0;
    for (const flag& each : flags) {
        count += of.*each.member ? 1 : 0;
    }
    return count;
}

TEST(switches, each_flag_sets_its_own_and_no_other) {
    for (const flag& each : flags) {
        const debug_switches on = parsed(std::string(each.name) + "=1");
        EXPECT_TRUE(on.*each.member) << each.name;
        EXPECT_EQ(flags_on(on), 1u) << each.name;
        EXPECT_EQ(on.stack_min, 0u);
        EXPECT_EQ(flags_on(parsed(std::string(each.name) + "=0", on)), 0u) << each.name;
    }
}

TEST(switches, stack_min_takes_the_sizes_of_segments) {
    for (std::size_t size = 1024; size <= 65536; size *= 2) {
        const debug_switches read = parsed("stack_min=" + std::to_string(size));
        EXPECT_EQ(read.stack_min, size);
        EXPECT_EQ(flags_on(read), 0u);
    }
}

TEST(switches, lists_add_to_what_is_set_and_the_last_one_counts) {
    debug_switches before;
    before.audit = true;
    const debug_switches read = parsed("force_move=1,stack_min=2048,shrink_off=1,shrink_off=0", before);
    EXPECT_TRUE(read.audit);
    EXPECT_TRUE(read.force_move);
    EXPECT_FALSE(read.shrink_off);
    EXPECT_EQ(read.stack_min, 2048u);
    EXPECT_EQ(flags_on(parsed("")), 0u);
}

void expect_refused(std::string_view text, std::string_view named) {
    try {
        static_cast<void>(parsed(text));
        ADD_FAILURE() << text;
    } catch (const std::system_error& refused) {
        EXPECT_EQ(refused.code(), std::errc::invalid_argument) << text;
        EXPECT_THAT(refused.what(), AllOf(HasSubstr("debug switch"), HasSubstr(std::string(named)))) << text;
    }
}

TEST(switches, what_is_not_understood_is_an_error_that_names_it) {
    expect_refused("forcemove=1", "'forcemove=1': there is no such switch");
    expect_refused("force_move=1,no_such=0", "'no_such=0': there is no such switch");
    expect_refused("Force_move=1", "'Force_move=1': there is no such switch");
    expect_refused(" force_move=1", "' force_move=1': there is no such switch");
    expect_refused("=1", "'=1'");
    for (const flag& each : flags) {
        for (const char* value : {"", "2", "on", "true", "01", "1 ", "-1"}) {
            const std::string entry = std::string(each.name) + "=" + value;
            expect_refused(entry, "'" + entry + "': 0 or 1 is expected");
        }
        expect_refused(each.name, std::string(each.name));
    }
    for (const char* value :
         {"", "0", "1", "1000", "512", "3072", "131072", "2k", "-2048", "2048 ", "0x800", "99999999999999999999999"}) {
        const std::string entry = std::string("stack_min=") + value;
        expect_refused(entry, "'" + entry + "': a power of two from 1024 to 65536 is expected");
    }
    expect_refused("force_move", "name=value is expected");
    expect_refused("force_move=1,,shrink_off=1", "name=value is expected");
    expect_refused("force_move=1,", "name=value is expected");
    expect_refused(",", "name=value is expected");
    expect_refused("force_move=1;shrink_off=1", "'force_move=1;shrink_off=1'");
}

// ---- From the environment ------------------------------------------------------------------------------------------

class environment {
public:
    explicit environment(const char* value) { ::_putenv_s("MOOR_DEBUG", value); }
    ~environment() { ::_putenv_s("MOOR_DEBUG", ""); }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
};

TEST(switches, malformed_ones_in_the_environment_are_an_error_at_the_start) {
    for (const char* text :
         {"force_move=yes", "no_such_switch=1", "stack_min=1000", "audit", "force_move=1, audit=1"}) {
        const environment set(text);
        try {
            const runtime running(test::with_workers(1));
            ADD_FAILURE() << text;
        } catch (const std::system_error& refused) {
            EXPECT_EQ(refused.code(), std::errc::invalid_argument);
            EXPECT_THAT(refused.what(), HasSubstr("debug switch"));
        }
    }
    const runtime fine(test::with_workers(1));
}

} // namespace
} // namespace moor
