// Failures that nobody takes end the process with their message and the coroutine's name; ordinary ends do not.
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/child.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

void fail(const char* what) { throw std::runtime_error(what); }

// Runs until the coroutine has ended; in these scenarios the process ends first.
void outlive() { this_coroutine::sleep_for(10s); }

void expect_fatal(const test::scenario& wanted, const char* name, const char* what) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("an exception left coroutine #"),
                                        HasSubstr(std::string("'") + name + "'"), HasSubstr(what)));
}

void expect_quiet(const test::scenario& wanted) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 0u);
    EXPECT_THAT(end.error_output, IsEmpty());
}

const test::scenario detached("detached", [] {
    test::in_runtime(2, [] {
        spawn({.name = "deserter"}, [] {
            this_coroutine::yield();
            fail("left behind");
        });
        outlive();
    });
});
TEST(untaken_exception, of_a_detached_coroutine) { expect_fatal(detached, "deserter", "left behind"); }

const test::scenario detached_late("detached_late", [] {
    test::in_runtime(1, [] {
        auto handle = spawn({.name = "early"}, [] { fail("before its time"); });
        while (!handle.done()) {
            this_coroutine::yield();
        }
        handle.detach();
        outlive();
    });
});
TEST(untaken_exception, of_one_that_ended_before_it_was_detached) {
    expect_fatal(detached_late, "early", "before its time");
}

const test::scenario waited_for("waited_for", [] {
    test::in_runtime(1, [] {
        {
            auto handle = spawn({.name = "ignored"}, [] { fail("not taken"); });
            std::error_code error;
            handle.wait({}, error); // waits, and takes nothing
        }
        outlive();
    });
});
TEST(untaken_exception, of_one_that_was_waited_for_and_not_joined) { expect_fatal(waited_for, "ignored", "not taken"); }

const test::scenario dropped_by_plain_thread("dropped_by_plain_thread", [] {
    runtime running(test::with_workers(1));
    {
        auto handle = running.spawn({.name = "guest"}, [] { fail("dropped outside"); });
        std::error_code error;
        handle.wait({}, error);
    }
    running.run(outlive);
});
TEST(untaken_exception, of_one_whose_handle_a_plain_thread_drops) {
    expect_fatal(dropped_by_plain_thread, "guest", "dropped outside");
}

const test::scenario foreign_exception("foreign_exception", [] {
    test::in_runtime(1, [] {
        spawn({.name = "thrower"}, [] { throw 42; });
        outlive();
    });
});
TEST(untaken_exception, that_is_no_std_exception) {
    expect_fatal(foreign_exception, "thrower", "an exception that is no std::exception");
}

const test::scenario cancelled_unasked("cancelled_unasked", [] {
    test::in_runtime(1, [] {
        spawn({.name = "pretender"},
              [] { throw std::system_error(std::make_error_code(std::errc::operation_canceled), "unasked"); });
        outlive();
    });
});
TEST(untaken_exception, operation_canceled_of_one_that_nobody_stopped) {
    expect_fatal(cancelled_unasked, "pretender", "unasked");
}

const test::scenario failed_while_stopping("failed_while_stopping", [] {
    test::in_runtime(1, [] {
        auto handle = spawn({.name = "clumsy"}, [] {
            try {
                this_coroutine::sleep_for(1h);
            } catch (const std::system_error&) {
                fail("clean-up failed");
            }
        });
        this_coroutine::yield();
        handle.request_stop();
        handle.detach();
        outlive();
    });
});
TEST(untaken_exception, another_one_of_a_stopped_coroutine) {
    expect_fatal(failed_while_stopping, "clumsy", "clean-up failed");
}

const test::scenario failed_in_shutdown("failed_in_shutdown", [] {
    runtime running(test::with_workers(1));
    running.run([] {
        spawn({.name = "last one"}, [] {
            try {
                this_coroutine::sleep_for(1h);
            } catch (const std::system_error&) {
                fail("too late");
            }
        });
        this_coroutine::yield();
    });
});
TEST(untaken_exception, during_shutdown) { expect_fatal(failed_in_shutdown, "last one", "too late"); }

const test::scenario ordinary_ends("ordinary_ends", [] {
    runtime running(test::with_workers(2));
    running.run([] {
        spawn([] { this_coroutine::yield(); }); // ends by itself
        auto stopped = spawn([] { this_coroutine::sleep_for(1h); });
        this_coroutine::yield();
        stopped.request_stop();
        stopped.detach();
        auto joined = spawn([] { fail("taken"); });
        try {
            joined.join();
        } catch (const std::runtime_error&) {
        }
        spawn([] { this_coroutine::sleep_for(1h); }); // stopped by the shutdown
    });
});
TEST(untaken_exception, is_none_after_ordinary_ends) { expect_quiet(ordinary_ends); }

} // namespace
} // namespace moor
