#include "win/teb.hpp"

#include "win/windows.hpp"

#include <cstddef>
#include <memory>

#include <gtest/gtest.h>

#include "support/run.hpp"

namespace moor::win {
namespace {

TEST(teb, fields_are_where_the_system_says) {
    const auto* const block = reinterpret_cast<const NT_TIB*>(read_gs_64(offsetof(NT_TIB, Self)));
    EXPECT_EQ(teb::read(teb::field::stack_base), reinterpret_cast<std::uint64_t>(block->StackBase));
    EXPECT_EQ(teb::read(teb::field::stack_limit), reinterpret_cast<std::uint64_t>(block->StackLimit));
    ::SetLastError(0x1234);
    EXPECT_EQ(teb::read_32(teb::field::last_error), 0x1234u);
    teb::write_32(teb::field::last_error, 0x4321);
    EXPECT_EQ(::GetLastError(), 0x4321u);
}

void expect_that_locals_are_on_the_stack() {
    const int local = 0;
    const auto on_heap = std::make_unique<int>(0);
    static int global = 0;
    EXPECT_TRUE(teb::on_current_stack(&local));
    EXPECT_FALSE(teb::on_current_stack(on_heap.get()));
    EXPECT_FALSE(teb::on_current_stack(&global));
    EXPECT_FALSE(teb::on_current_stack(nullptr));
}

TEST(teb, tells_the_running_stack_on_a_thread) { expect_that_locals_are_on_the_stack(); }

TEST(teb, tells_the_running_stack_in_a_coroutine) {
    int of_thread = 0;
    test::in_runtime(1, [&of_thread] {
        expect_that_locals_are_on_the_stack();
        EXPECT_FALSE(teb::on_current_stack(&of_thread)) << "another stack";
    });
}

} // namespace
} // namespace moor::win
