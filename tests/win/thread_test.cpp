// Threads begin through the table of system calls, and their ends are seen.
#include "win/thread.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
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

std::atomic<unsigned> refusals{0};

TEST(thread, has_not_ended_when_a_wait_for_it_is_refused) {
    given told;
    const unique_handle thread = start_thread(&tell, &told);
    ASSERT_TRUE(thread);
    const replaced_system_calls refusing({.wait_for = [](HANDLE handle, DWORD milliseconds) -> DWORD {
        if (refusals.fetch_add(1) < 2) {
            ::SetLastError(ERROR_NOT_ENOUGH_MEMORY);
            return WAIT_FAILED;
        }
        return real_system_calls.wait_for(handle, milliseconds);
    }});
    EXPECT_FALSE(wait_for(thread, 1)) << "it has not ended";
    EXPECT_EQ(refusals, 3u);
    refusals = 0;
    std::thread later([&told] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        told.may_end = true;
    });
    wait_for_end(thread);
    EXPECT_TRUE(told.may_end);
    EXPECT_TRUE(has_ended(thread));
    later.join();
}

TEST(thread, has_a_handle_of_its_caller_for_others) {
    const unique_handle self = handle_of_caller();
    ASSERT_TRUE(self);
    EXPECT_EQ(::GetThreadId(self.get()), ::GetCurrentThreadId());
    EXPECT_FALSE(has_ended(self));
}

} // namespace
} // namespace moor::win
