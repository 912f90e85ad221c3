// What an attempt makes of a system that refuses or reports something: the thread always goes on, what happened is
// counted by its reason, and later attempts succeed.
#include "preempt/async_preemption.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "preempt/thread_calls.hpp"
#include "preempt/under_storm.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

constexpr std::uint64_t preemptions = 20;
constexpr int troubles = 50;

// Of the monitor's thread; read when the runtime has ended.
int trouble_left = 0;
std::int64_t suspended_now = 0;
std::int64_t most_suspended = 0;

bool in_trouble() { return trouble_left > 0 && --trouble_left >= 0; }

DWORD WINAPI counted_suspend(HANDLE thread) {
    const DWORD before = ::SuspendThread(thread);
    if (before != static_cast<DWORD>(-1)) {
        suspended_now += 1;
        most_suspended = std::max(most_suspended, static_cast<std::int64_t>(before) + 1);
    }
    return before;
}

DWORD WINAPI counted_resume(HANDLE thread) {
    suspended_now -= 1;
    return ::ResumeThread(thread);
}

DWORD WINAPI failing_suspend(HANDLE thread) { return in_trouble() ? static_cast<DWORD>(-1) : counted_suspend(thread); }

BOOL WINAPI failing_get(HANDLE thread, CONTEXT* registers) {
    return in_trouble() ? FALSE : ::GetThreadContext(thread, registers);
}

BOOL WINAPI failing_set(HANDLE thread, const CONTEXT* registers) {
    return in_trouble() ? FALSE : ::SetThreadContext(thread, registers);
}

template <std::uint32_t Flag>
BOOL WINAPI get_with_context_flag(HANDLE thread, CONTEXT* registers) {
    const BOOL got = ::GetThreadContext(thread, registers);
    registers->ContextFlags |= in_trouble() ? Flag : 0;
    return got;
}

BOOL WINAPI get_with_trap_flag(HANDLE thread, CONTEXT* registers) {
    const BOOL got = ::GetThreadContext(thread, registers);
    registers->EFlags |= in_trouble() ? 0x100u : 0u;
    return got;
}

struct trouble {
    const char* name;
    preempt::thread_calls calls;
    preempt_refusal reason;
};

class a_system_that : public testing::TestWithParam<trouble> {
protected:
    a_system_that() {
        trouble_left = troubles;
        suspended_now = 0;
        most_suspended = 0;
        preempt::current_thread_calls = &GetParam().calls;
    }
    ~a_system_that() override { preempt::current_thread_calls = &preempt::real_thread_calls; }
};

// From winnt.h: CONTEXT_EXCEPTION_ACTIVE and CONTEXT_SERVICE_ACTIVE.
const trouble all_troubles[] = {
    {"does_not_suspend", {&failing_suspend, &counted_resume}, preempt_refusal::system_refuses},
    {"gives_no_registers", {&counted_suspend, &counted_resume, &failing_get}, preempt_refusal::system_refuses},
    {"takes_no_registers",
     {&counted_suspend, &counted_resume, &::GetThreadContext, &failing_set},
     preempt_refusal::system_refuses},
    {"dispatches_an_exception",
     {&counted_suspend, &counted_resume, &get_with_context_flag<0x0800'0000>},
     preempt_refusal::system_active},
    {"serves_a_call",
     {&counted_suspend, &counted_resume, &get_with_context_flag<0x1000'0000>},
     preempt_refusal::system_active},
    {"steps_the_thread", {&counted_suspend, &counted_resume, &get_with_trap_flag}, preempt_refusal::being_stepped},
};
INSTANTIATE_TEST_SUITE_P(async_preemption, a_system_that, testing::ValuesIn(all_troubles),
                         [](const testing::TestParamInfo<trouble>& tested) { return std::string(tested.param.name); });

TEST_P(a_system_that, is_left_alone_and_tried_again) {
    std::uint64_t refused = 0;
    std::uint64_t wrong = 0;
    {
        runtime running(test::storm(1));
        const test::until_preempted enough(running, preemptions);
        wrong = running.run([&] {
            const auto count = [&enough] {
                std::uint64_t disagreements = 0;
                for (std::uint64_t one = 0, other = 0; !enough.over(); ++one, ++other) {
                    disagreements += one != other ? 1 : 0;
                }
                return disagreements;
            };
            auto first = spawn({.preemptible = true}, count);
            auto second = spawn({.preemptible = true}, count);
            return first.join() + second.join();
        });
        refused = test::refused(running, GetParam().reason);
        EXPECT_TRUE(enough.reached());
    }
    EXPECT_EQ(wrong, 0u);
    // A flag is looked at before other reasons, a failing SetThreadContext after all of them.
    EXPECT_EQ(trouble_left, 0);
    EXPECT_GE(refused, static_cast<std::uint64_t>(troubles));
    EXPECT_EQ(suspended_now, 0) << "a thread was left suspended, or resumed twice";
    EXPECT_EQ(most_suspended, 1) << "a thread was suspended twice";
}

} // namespace
} // namespace moor
