// How an interrupted thread gets to the trampoline: what the system is asked to change of it, the moment before its
// first instruction, and the unwind data, which leads from each of its instructions to the interrupted code.
#include <algorithm>
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "preempt/preempted_state.hpp"
#include "preempt/thread_calls.hpp"
#include "preempt/under_storm.hpp"
#include "unwind/function_address.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

constexpr std::uint64_t preemptions = 20;

std::uint64_t arrival() { return unwind::without_jump(reinterpret_cast<const void*>(&moor_preempt_arrival)); }

const runtime* preempted_runtime = nullptr;

// Two loops that take turns on one worker, under a table of the system's calls, until enough were preempted.
template <class Look>
void preempt_under(const preempt::thread_calls& calls, Look look) {
    preempt::current_thread_calls = &calls;
    {
        runtime running(test::storm(1));
        preempted_runtime = &running;
        const test::until_preempted enough(running, preemptions);
        running.run([&] {
            const auto wait = [&enough] {
                while (!enough.over()) {
                }
            };
            auto first = spawn({.preemptible = true}, wait);
            auto second = spawn({.preemptible = true}, wait);
            first.join();
            second.join();
        });
        EXPECT_TRUE(enough.reached());
        look(running);
    }
    preempt::current_thread_calls = &preempt::real_thread_calls;
}

// ---- What is changed -----------------------------------------------------------------------------------------------

// Of the monitor's thread; read when the runtime has ended.
CONTEXT last_got{};
unsigned set_calls = 0;
unsigned strangers = 0; // calls that change more than the two registers

BOOL WINAPI remembering_get(HANDLE thread, CONTEXT* registers) {
    const BOOL got = ::GetThreadContext(thread, registers);
    last_got = *registers;
    return got;
}

// As strict as a system can be: it refuses a context with another stack pointer.
BOOL WINAPI strict_set(HANDLE thread, const CONTEXT* registers) {
    CONTEXT expected = last_got;
    expected.ContextFlags = registers->ContextFlags;
    expected.Rip = registers->Rip;
    expected.Rbx = registers->Rbx;
    const bool same = registers->Rsp == expected.Rsp && registers->EFlags == expected.EFlags &&
                      registers->SegCs == expected.SegCs && registers->SegSs == expected.SegSs &&
                      std::equal(&registers->Rax, &registers->Rip, &expected.Rax);
    ++set_calls;
    strangers += same ? 0 : 1;
    return same ? ::SetThreadContext(thread, registers) : FALSE;
}

TEST(trampoline, needs_the_instruction_pointer_and_one_register_changed) {
    set_calls = 0;
    strangers = 0;
    const preempt::thread_calls calls{&::SuspendThread, &::ResumeThread, &remembering_get, &strict_set};
    preempt_under(
        calls, [](const runtime& running) { EXPECT_EQ(test::refused(running, preempt_refusal::system_refuses), 0u); });
    EXPECT_GE(set_calls, preemptions);
    EXPECT_EQ(strangers, 0u);
}

// ---- On the way ----------------------------------------------------------------------------------------------------

// Of the monitor's thread; read when the runtime has ended.
unsigned to_find_on_the_way = 0;
unsigned refused_rightly = 0;
bool found_last = false;
std::uint64_t refused_before = 0; // the last attempt

// Between two attempts: while a thread is suspended it may hold a lock that the metrics take.
DWORD WINAPI counting_suspend(HANDLE thread) {
    const std::uint64_t refused = test::refused(*preempted_runtime, preempt_refusal::in_runtime);
    refused_rightly += found_last && refused == refused_before + 1 ? 1 : 0;
    refused_before = refused;
    return ::SuspendThread(thread);
}

// The thread has been sent to the trampoline and has not run since.
BOOL WINAPI get_on_the_way(HANDLE thread, CONTEXT* registers) {
    const BOOL got = ::GetThreadContext(thread, registers);
    found_last = to_find_on_the_way != 0;
    if (found_last) {
        --to_find_on_the_way;
        registers->Rip = arrival();
    }
    return got;
}

TEST(trampoline, is_not_interrupted_before_its_first_instruction) {
    constexpr unsigned times = 50;
    to_find_on_the_way = times;
    refused_rightly = 0;
    const preempt::thread_calls calls{&counting_suspend, &::ResumeThread, &get_on_the_way};
    preempt_under(calls, [](const runtime&) {});
    EXPECT_EQ(to_find_on_the_way, 0u);
    EXPECT_EQ(refused_rightly, times);
}

// ---- Unwinding -----------------------------------------------------------------------------------------------------

TEST(trampoline, unwinds_to_the_interrupted_code_from_every_instruction) {
    const auto state = preempt::preempted_state::make();
    ASSERT_NE(state, nullptr);
    state->instruction = 0x1111;
    state->stack_pointer = 0x2220;
    const std::array saved{&state->rbx, &state->rbp, &state->rsi, &state->rdi,
                           &state->r12, &state->r13, &state->r14, &state->r15};
    for (std::uint64_t number = 0; number != saved.size(); ++number) {
        *saved[number] = 0x3000 + number;
    }
    DWORD64 image = 0;
    RUNTIME_FUNCTION* const entry = ::RtlLookupFunctionEntry(arrival(), &image, nullptr);
    ASSERT_NE(entry, nullptr);
    ASSERT_EQ(image + entry->BeginAddress, arrival());
    for (std::uint64_t at = arrival(); at != image + entry->EndAddress; ++at) {
        CONTEXT registers{};
        registers.Rip = at;
        registers.Rsp = at == arrival() ? state->stack_pointer : state->system_stack;
        registers.Rbx = reinterpret_cast<std::uint64_t>(state.get());
        void* handler_data = nullptr;
        DWORD64 establisher = 0;
        ::RtlVirtualUnwind(UNW_FLAG_NHANDLER, image, at, entry, &registers, &handler_data, &establisher, nullptr);
        EXPECT_EQ(registers.Rip, state->instruction) << at - arrival();
        EXPECT_EQ(registers.Rsp, state->stack_pointer) << at - arrival();
        const std::array found{registers.Rbx, registers.Rbp, registers.Rsi, registers.Rdi,
                               registers.R12, registers.R13, registers.R14, registers.R15};
        for (std::size_t number = 0; number != saved.size(); ++number) {
            EXPECT_EQ(found[number], *saved[number]) << number << " at " << at - arrival();
        }
    }
}

} // namespace
} // namespace moor
