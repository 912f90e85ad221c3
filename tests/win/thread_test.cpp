// Threads begin through the table of system calls, and their ends are seen.
#include "win/thread.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "win/system_calls.hpp"
#include "win/teb.hpp"

namespace moor::win {
namespace {

struct given {
    std::atomic<std::uint32_t> number{0};
    std::atomic<bool> may_end{false};
};

unsigned __stdcall tell(void* argument) {
    auto& told = *static_cast<given*>(argument);
    told.number = teb::thread_id();
    while (!told.may_end) {
        std::this_thread::yield();
    }
    return 0;
}

TEST(thread, runs_the_function_until_its_end) {
    given told;
    const unique_handle thread = start_thread(&tell, &told);
    ASSERT_TRUE(thread);
    EXPECT_FALSE(has_ended(thread));
    told.may_end = true;
    wait_for_end(thread);
    EXPECT_TRUE(has_ended(thread));
    EXPECT_EQ(told.number, ::GetThreadId(thread.get()));
    EXPECT_EQ(teb::thread_id(), ::GetCurrentThreadId());
}

TEST(thread, is_empty_when_the_system_refuses) {
    const replaced_system_calls refusing({.start_thread = [](void*, unsigned, system_calls::thread_function, void*,
                                                             unsigned, unsigned*) -> std::uintptr_t { return 0; }});
    EXPECT_FALSE(start_thread(&tell, nullptr));
}

TEST(thread, has_a_handle_of_its_caller_for_others) {
    const unique_handle self = handle_of_caller();
    ASSERT_TRUE(self);
    EXPECT_EQ(::GetThreadId(self.get()), ::GetCurrentThreadId());
    EXPECT_FALSE(has_ended(self));
}

} // namespace
} // namespace moor::win
