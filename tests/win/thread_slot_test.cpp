#include "win/thread_slot.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "win/windows.hpp"

namespace moor::win {
namespace {

TEST(thread_slot, is_each_threads_own) {
    thread_slot::prepare();
    thread_slot::prepare();
    void* const before = thread_slot::get();
    int mine = 0;
    thread_slot::set(&mine);
    EXPECT_EQ(thread_slot::get(), &mine);
    std::thread([] {
        EXPECT_EQ(thread_slot::get(), nullptr);
        int other = 0;
        thread_slot::set(&other);
        EXPECT_EQ(thread_slot::get(), &other);
    }).join();
    EXPECT_EQ(thread_slot::get(), &mine);
    thread_slot::set(before);
}

TEST(thread_slot, leaves_the_last_error_alone) {
    thread_slot::prepare();
    ::SetLastError(1234);
    static_cast<void>(thread_slot::get());
    EXPECT_EQ(::GetLastError(), 1234u);
}

} // namespace
} // namespace moor::win
