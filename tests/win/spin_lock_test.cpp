#include "win/spin_lock.hpp"

#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace moor::detail {
namespace {

TEST(spin_lock, lets_one_thread_in_at_a_time) {
    constexpr int threads = 4;
    constexpr int rounds = 50'000;
    spin_lock lock;
    long count = 0; // deliberately not atomic
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            for (int round = 0; round < rounds; ++round) {
                const std::lock_guard guard(lock);
                ++count;
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    EXPECT_EQ(count, long{threads} * rounds);
}

TEST(spin_lock, try_lock_says_whether_it_was_free) {
    spin_lock lock;
    EXPECT_TRUE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
}

// The holder has lost its processor: the waiter gets past spinning and yielding, into sleeping, and still gets the
// lock.
TEST(spin_lock, outlasts_a_holder_that_does_not_run) {
    spin_lock lock;
    lock.lock();
    bool entered = false;
    std::thread waiter([&] {
        const std::lock_guard guard(lock);
        entered = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(entered);
    lock.unlock();
    waiter.join();
    EXPECT_TRUE(entered);
}

} // namespace
} // namespace moor::detail
