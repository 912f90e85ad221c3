#include "win/thread_slot.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "win/process_registration.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

TEST(thread_slot, is_each_threads_own) {
    const registration_user slot(thread_slot::registration());
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

TEST(thread_slot, is_given_back_after_its_last_user) {
    constexpr int more_than_the_system_has = 2000; // 64 and 1024 of them
    int mine = 0;
    for (int round = 0; round != more_than_the_system_has; ++round) {
        {
            const registration_user first(thread_slot::registration());
            thread_slot::set(&mine);
            const registration_user second(thread_slot::registration());
            ASSERT_EQ(thread_slot::get(), &mine);
            thread_slot::set(nullptr);
        }
        ASSERT_EQ(thread_slot::get(), nullptr);
    }
}

TEST(thread_slot, leaves_the_last_error_alone) {
    const registration_user slot(thread_slot::registration());
    ::SetLastError(1234);
    static_cast<void>(thread_slot::get());
    EXPECT_EQ(::GetLastError(), 1234u);
}

} // namespace
} // namespace moor::win
