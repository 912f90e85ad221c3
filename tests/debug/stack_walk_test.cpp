// Walking stacks by unwind data: of running, suspended and broken coroutines, whichever compiler made their code.
#include "debug/stack_walk.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/move_checks.hpp"
#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "support/run.hpp"

namespace moor::debug {
namespace {

const void* last_function() { return reinterpret_cast<const void*>(&moor_coroutine_base); }

stack_range range_of(const stack::memory& of) {
    const auto lowest = reinterpret_cast<std::uint64_t>(of.lowest);
    return {lowest, lowest + of.size};
}

// ---- Code ----------------------------------------------------------------------------------------------------------

int variable = 0;

TEST(find_code, tells_functions_from_everything_else) {
    stack_range found;
    const auto here = reinterpret_cast<std::uint64_t>(&range_of);
    ASSERT_TRUE(find_code(here, found));
    EXPECT_TRUE(found.contains(here));
    EXPECT_TRUE(find_code(reinterpret_cast<std::uint64_t>(&::GetLastError), found))
        << "another image's, or a jump to it";
    const int local = 0;
    EXPECT_FALSE(find_code(reinterpret_cast<std::uint64_t>(&local), found));
    EXPECT_FALSE(find_code(reinterpret_cast<std::uint64_t>(&variable), found));
    EXPECT_FALSE(find_code(0, found));
    EXPECT_FALSE(find_code(16, found));
    EXPECT_FALSE(find_code((here & 0xffffffffu) | 0x1000000000u, found)) << "the damage of a dead lpFromlen";
    EXPECT_FALSE(find_code(here | 0xffff000000000000u, found));
}

// ---- Suspended coroutines ------------------------------------------------------------------------------------------

// The coroutine of the next sleeper, and how deep it is.
struct sleeper {
    const detail::coroutine* block = nullptr;
};

unsigned sleep_at(unsigned depth, sleeper& seen) {
    std::array<volatile unsigned, 20> own{};
    own[depth % own.size()] = depth;
    if (depth == 0) {
        seen.block = sched::worker::current_coroutine();
        this_coroutine::yield();
        return own[0];
    }
    return sleep_at(depth - 1, seen) + own[depth % own.size()];
}

// Has a coroutine of the same worker suspend at that depth, calls `look` with it, and lets it end.
template <class Look>
void look_at_suspended(unsigned depth, Look look) {
    test::in_runtime(1, [&] {
        sleeper seen;
        auto handle = spawn([&] { return sleep_at(depth, seen); });
        this_coroutine::yield();
        ASSERT_NE(seen.block, nullptr);
        look(*seen.block);
        EXPECT_EQ(handle.join(), depth * (depth + 1) / 2);
    });
}

struct walk_record {
    std::vector<frame> frames;
    walk_end end;
    std::size_t crossings;
};

walk_record walk(const walk_start& start, std::span<const stack_range> stacks) {
    stack_walk going(start, stacks, last_function());
    walk_record seen{};
    while (going.next()) {
        seen.frames.push_back(going.current());
    }
    EXPECT_EQ(going.frames(), seen.frames.size());
    EXPECT_FALSE(going.next()) << "the end is the end";
    seen.end = going.end();
    seen.crossings = going.crossings();
    return seen;
}

walk_record walk_suspended(const detail::coroutine& of) {
    const std::array stacks{range_of(of.stack)};
    return walk(walk_start::of_suspended(of.state.resume_at), stacks);
}

TEST(stack_walk, goes_from_the_switch_to_the_first_function) {
    std::size_t shallow = 0;
    look_at_suspended(1, [&](const detail::coroutine& of) {
        const auto seen = walk_suspended(of);
        EXPECT_EQ(seen.end, walk_end::complete);
        EXPECT_EQ(seen.crossings, 0u);
        shallow = seen.frames.size();
        for (std::size_t index = 1; index < seen.frames.size(); ++index) {
            EXPECT_LT(seen.frames[index - 1].stack_pointer, seen.frames[index].stack_pointer);
        }
    });
    EXPECT_GE(shallow, 4u);
    look_at_suspended(60, [&](const detail::coroutine& of) {
        const auto seen = walk_suspended(of);
        EXPECT_EQ(seen.end, walk_end::complete);
        EXPECT_GE(seen.frames.size(), shallow + 20) << "a compiler may make one frame of a few calls";
    });
}

// Where the walk finds the return address of its n-th frame: the word below the next frame's stack pointer.
std::uint64_t* return_slot(const walk_record& whole, std::size_t index) {
    return reinterpret_cast<std::uint64_t*>(whole.frames[index + 1].stack_pointer - sizeof(std::uint64_t));
}

TEST(stack_walk, ends_at_the_first_address_that_is_no_code) {
    look_at_suspended(10, [](const detail::coroutine& of) {
        const auto whole = walk_suspended(of);
        ASSERT_EQ(whole.end, walk_end::complete);
        for (std::size_t index = 0; index + 1 < whole.frames.size(); ++index) {
            std::uint64_t& slot = *return_slot(whole, index);
            const std::uint64_t kept = slot;
            ASSERT_EQ(kept, whole.frames[index + 1].instruction);
            for (const std::uint64_t wrong :
                 {(kept & 0xffffffffu) | 0x1000000000u, std::uint64_t{0}, reinterpret_cast<std::uint64_t>(&slot)}) {
                slot = wrong;
                const auto broken = walk_suspended(of);
                EXPECT_EQ(broken.end, walk_end::no_code);
                EXPECT_EQ(broken.frames.size(), index + 2);
                EXPECT_EQ(broken.frames.back().instruction, wrong);
            }
            slot = kept;
        }
    });
}

TEST(stack_walk, knows_no_stacks_but_those_that_it_is_given) {
    look_at_suspended(10, [](const detail::coroutine& of) {
        const auto whole = walk_suspended(of);
        ASSERT_EQ(whole.end, walk_end::complete);
        stack_range lower_part = range_of(of.stack);
        lower_part.top = whole.frames[4].stack_pointer;
        const std::array cut{lower_part};
        const auto seen = walk(walk_start::of_suspended(of.state.resume_at), cut);
        EXPECT_EQ(seen.end, walk_end::off_the_stacks);
        EXPECT_EQ(seen.frames.size(), 5u);

        const std::array halves{lower_part, stack_range{lower_part.top, range_of(of.stack).top}};
        const auto crossing = walk(walk_start::of_suspended(of.state.resume_at), halves);
        EXPECT_EQ(crossing.end, walk_end::complete);
        EXPECT_EQ(crossing.crossings, 1u);
        EXPECT_EQ(crossing.frames.size(), whole.frames.size());
    });
}

// ---- Running ones --------------------------------------------------------------------------------------------------

TEST(check_frames_of_caller, passes_on_whole_stacks_and_counts) {
    runtime running(test::with_workers(1));
    running.run([] { check_frames_of_caller(); });
    const auto seen = running.metrics();
    EXPECT_GE(seen.frames_checked, 3u);
    EXPECT_EQ(seen.frame_crossings, 0u);
    check_frames_of_caller(); // outside a coroutine it does nothing
    EXPECT_EQ(running.metrics().frames_checked, seen.frames_checked);
}

} // namespace
} // namespace moor::debug
