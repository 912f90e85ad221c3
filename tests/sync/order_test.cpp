// Waiters that one coroutine wakes run in the order in which they began to wait, whichever primitive they wait in and
// whether they are woken by one call or by several. On one worker: with more, each of them runs when it can.
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <moor/channel.hpp>
#include <moor/condition_variable.hpp>
#include <moor/mutex.hpp>
#include <moor/once.hpp>
#include <moor/select.hpp>
#include <moor/semaphore.hpp>
#include <moor/shared_mutex.hpp>
#include <moor/task_group.hpp>
#include <moor/wait_group.hpp>

#include "sync_test.hpp"

namespace moor {
namespace {

using namespace test;

// Five coroutines call wait(), one after another; then wake() is called. The order in which they go on.
std::string order_of(const std::function<void()>& wait, const std::function<void()>& wake) {
    std::string order;
    std::vector<join_handle<void>> waiters;
    for (char name = 'a'; name < 'f'; ++name) {
        waiters.push_back(spawn_blocked([&order, &wait, name] {
            wait();
            order += name;
        }));
    }
    wake();
    for (auto& waiter : waiters) {
        waiter.join(never_reached);
    }
    return order;
}

TEST(wake_order, of_notify_all) {
    in_runtime(1, [] {
        mutex lock;
        condition_variable changed;
        EXPECT_EQ(order_of(
                      [&] {
                          std::unique_lock<mutex> held(lock);
                          changed.wait(held, never_reached);
                      },
                      [&] { changed.notify_all(); }),
                  "abcde");
    });
}

TEST(wake_order, of_notify_one_again_and_again) {
    in_runtime(1, [] {
        mutex lock;
        condition_variable changed;
        EXPECT_EQ(order_of(
                      [&] {
                          std::unique_lock<mutex> held(lock);
                          changed.wait(held, never_reached);
                      },
                      [&] {
                          for (int i = 0; i < 5; ++i) {
                              changed.notify_one();
                          }
                      }),
                  "abcde");
    });
}

TEST(wake_order, of_a_channel_that_is_closed) {
    in_runtime(1, [] {
        channel<int> empty;
        EXPECT_EQ(order_of([&] { EXPECT_FALSE(empty.receive(never_reached)); }, [&] { empty.close(); }), "abcde");
    });
}

TEST(wake_order, of_receivers) {
    in_runtime(1, [] {
        channel<int> numbers;
        std::string received;
        EXPECT_EQ(order_of([&] { received += std::to_string(numbers.receive(never_reached).value_or(0)); },
                           [&] {
                               for (int number = 1; number <= 5; ++number) {
                                   numbers.send(number);
                               }
                           }),
                  "abcde");
        EXPECT_EQ(received, "12345");
    });
}

TEST(wake_order, of_a_select_among_closed_channels) {
    in_runtime(1, [] {
        channel<int> first;
        channel<int> second;
        const auto ignored = [](const auto&) {};
        EXPECT_EQ(
            order_of([&] { select(on_receive(first, ignored), on_receive(second, ignored)); }, [&] { second.close(); }),
            "abcde");
    });
}

TEST(wake_order, of_a_semaphore) {
    in_runtime(1, [] {
        semaphore permits(0);
        EXPECT_EQ(order_of([&] { permits.acquire(never_reached); }, [&] { permits.release(5); }), "abcde");
    });
}

TEST(wake_order, of_a_wait_group) {
    in_runtime(1, [] {
        wait_group group;
        group.add();
        EXPECT_EQ(order_of([&] { group.wait(never_reached); }, [&] { group.done(); }), "abcde");
    });
}

TEST(wake_order, of_readers) {
    in_runtime(1, [] {
        shared_mutex lock;
        lock.lock();
        EXPECT_EQ(order_of(
                      [&] {
                          lock.lock_shared();
                          lock.unlock_shared();
                      },
                      [&] { lock.unlock(); }),
                  "abcde");
    });
}

TEST(wake_order, of_those_that_wait_for_a_first_call) {
    in_runtime(1, [] {
        once flag;
        channel<int> go;
        auto caller = spawn_blocked([&] { flag.call([&] { (void)go.receive(never_reached); }); });
        EXPECT_EQ(order_of([&] { flag.call([] {}); }, [&] { go.close(); }), "abcde");
        caller.join();
    });
}

} // namespace
} // namespace moor
