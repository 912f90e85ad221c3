// A walk at every single instruction of the workload, prologues and epilogues included, compared with what the calls
// and returns on the way there have been. The processor stops after each instruction; the handler notes the return
// addresses that calls push and knows by them, without any unwind data, who called whom.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "unwind/frame_walk.hpp"
#include "unwind/main_image.hpp"
#include "unwind/workload.hpp"
#include "win/compiler.hpp"
#include "win/teb.hpp"

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace moor::unwind::test {
namespace {

constexpr DWORD trap_flag = 0x100;
constexpr unsigned rounds = 5;

struct pushed_return {
    std::uint64_t slot;
    std::uint64_t address;
};

// What the handler and the test share; the thread that is stepped is the only one that uses it.
struct stepping {
    const main_image* image = nullptr;
    stack_bounds stack;
    std::vector<pushed_return> calls; // room is made before, as the handler may not allocate
    std::uint64_t last_instruction = 0;
    std::uint64_t last_stack_pointer = 0;
    volatile bool done = false;
    DWORD thread = 0;
    unsigned steps = 0;
    unsigned checked = 0;
    unsigned frames = 0;
    unsigned in_prologue = 0;
    unsigned unsaid = 0; // in code without unwind data
    unsigned wrong = 0;
    std::uint64_t first_wrong = 0;
};

stepping* now = nullptr;

bool is_call(std::uint64_t instruction) {
    std::uint8_t bytes[3];
    std::memcpy(bytes, reinterpret_cast<const void*>(instruction), sizeof bytes);
    const std::size_t skipped = (bytes[0] & 0xf0) == 0x40 ? 1 : 0;
    return bytes[skipped] == 0xe8 || (bytes[skipped] == 0xff && (bytes[skipped + 1] & 0x38) == 0x10);
}

void note_call_or_return(stepping& all, const CONTEXT& context) {
    while (!all.calls.empty() && all.calls.back().slot < context.Rsp) {
        all.calls.pop_back();
    }
    if (context.Rsp + sizeof(std::uint64_t) == all.last_stack_pointer && is_call(all.last_instruction) &&
        all.calls.size() != all.calls.capacity()) {
        all.calls.push_back({context.Rsp, *all.stack.word_at(context.Rsp)});
    }
    all.last_instruction = context.Rip;
    all.last_stack_pointer = context.Rsp;
}

// Whether the walk sees the calls, all of them and no other frame in between.
bool sees_calls(stepping& all, const CONTEXT& context) {
    const auto expected = static_cast<unsigned>(all.calls.size());
    frame_walk walk(all.image->code(), registers_of(context), all.stack, 0, expected + 1);
    if (!walk.next() || walk.current().instruction != context.Rip) {
        return false;
    }
    for (unsigned index = expected; index-- != 0;) {
        const pushed_return& call = all.calls[index];
        if (!walk.next() || walk.current().instruction != call.address ||
            walk.current().stack_pointer != call.slot + sizeof(std::uint64_t)) {
            return false;
        }
        ++all.frames;
    }
    return true;
}

LONG CALLBACK on_step(EXCEPTION_POINTERS* stopped) {
    if (now == nullptr || stopped->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP ||
        ::GetCurrentThreadId() != now->thread) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    stepping& all = *now;
    CONTEXT& context = *stopped->ContextRecord;
    if (all.done) {
        context.EFlags &= ~trap_flag;
        return EXCEPTION_CONTINUE_EXECUTION;
    }
    ++all.steps;
    note_call_or_return(all, context);
    if (all.image->contains_code(context.Rip) && !all.calls.empty()) {
        const function_entry* const entry = all.image->function_at(context.Rip);
        if (entry == nullptr) {
            ++all.unsaid;
        } else {
            ++all.checked;
            const auto at = all.image->code().unwind_info_of(*entry);
            all.in_prologue += at && context.Rip - all.image->base() - entry->begin < at->info.prologue_bytes ? 1 : 0;
        }
        // Of other code nobody knows; but the walk has to end there too.
        if (!sees_calls(all, context) && entry != nullptr && all.wrong++ == 0) {
            all.first_wrong = context.Rip - all.image->base();
        }
    }
    context.EFlags |= trap_flag;
    return EXCEPTION_CONTINUE_EXECUTION;
}

MOOR_ALWAYS_INLINE void begin_steps() {
#if defined(_MSC_VER)
    __writeeflags(__readeflags() | trap_flag);
#else
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
#endif
}

// The frame that every walk is to come to: what was called before the steps began is not known.
MOOR_NOINLINE unsigned stepped_workload(stepping& all) {
    begin_steps();
    const unsigned result = run_workload(rounds);
    all.done = true;
    return result;
}

TEST(stepped_walk, sees_who_called_whom_at_every_instruction) {
    const main_image image;
    stepping all;
    all.image = &image;
    all.stack = {win::teb::read(win::teb::field::stack_limit), win::teb::read(win::teb::field::stack_base)};
    all.calls.reserve(256);
    all.thread = ::GetCurrentThreadId();
    const unsigned expected = run_workload(rounds); // touches the stack, and what is initialised at the first call
    all.stack.lowest = win::teb::read(win::teb::field::stack_limit);
    void* const handler = ::AddVectoredExceptionHandler(1, &on_step);
    ASSERT_NE(handler, nullptr);
    now = &all;
    const unsigned result = stepped_workload(all);
    now = nullptr;
    ::RemoveVectoredExceptionHandler(handler);
    EXPECT_EQ(result, expected);
    std::printf("[  steps   ] %u, checked %u, frames %u, in prologues %u, in code without unwind data %u\n", all.steps,
                all.checked, all.frames, all.in_prologue, all.unsaid);
    EXPECT_EQ(all.wrong, 0u) << "the first one at " << std::hex << all.first_wrong << " in the image";
    EXPECT_GT(all.checked, 3000u);
    EXPECT_GT(all.in_prologue, 300u);
    EXPECT_GT(all.checked, 2 * all.unsaid);
}

} // namespace
} // namespace moor::unwind::test
