// Coroutines of the movable kind whose body the compiler's pass has not seen: their stacks never move. Built without
// stack checks, by any compiler.
#include <moor/spawn.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "win/compiler.hpp"
#include "win/teb.hpp"

namespace moor {
namespace {

// Half a kibibyte each. Whether `here`, a local of the first, is where it was.
MOOR_NOINLINE bool descend(unsigned frames, const volatile std::uint64_t* first, const volatile std::uint64_t& here) {
    std::array<volatile std::uint64_t, 48> own;
    for (std::size_t index = 0; index < own.size(); ++index) {
        own[index] = frames + index;
    }
    const bool below = frames == 0 ? first == &here : descend(frames - 1, first, here);
    return below && own[1] == frames + 1;
}

struct seen {
    bool intact = false;
    std::uint64_t check_limit = 1;
    std::uint64_t copies = 1;
    std::size_t size = 0;
};

seen run(const spawn_options& options) {
    runtime running({.workers = 1, .debug = {.force_move = true}});
    return running
        .spawn(options,
               [] {
                   volatile std::uint64_t local = 7;
                   seen result;
                   for (unsigned turn = 0; turn != 100; ++turn) {
                       this_coroutine::yield();
                   }
                   ensure_stack(std::size_t{100} * 1024);
                   result.intact = descend(300, &local, local) && local == 7;
                   result.check_limit = win::teb::read(win::teb::field::check_limit);
                   result.copies = this_coroutine::stack_copies();
                   result.size = this_coroutine::stack_size();
                   return result;
               })
        .join();
}

TEST(not_covered, code_gets_a_reserved_stack) {
    const seen found = run({.stack = stack_kind::movable});
    EXPECT_TRUE(found.intact);
    EXPECT_EQ(found.check_limit, 0u);
    EXPECT_EQ(found.copies, 0u);
    EXPECT_EQ(found.size, runtime_options{}.stack_size);
}

TEST(not_covered, code_has_room_whatever_a_movable_stack_would_have_begun_with) {
    EXPECT_EQ(run({.stack = stack_kind::movable, .stack_size = 2048}).size, runtime_options{}.stack_size);
    EXPECT_EQ(run({.stack = stack_kind::movable, .stack_size = std::size_t{1} << 20}).size, std::size_t{1} << 20);
}

} // namespace
} // namespace moor
