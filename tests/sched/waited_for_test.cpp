// What a wait is for can be read by another thread, and stays there as long as it is read.
#include "sched/waited_for.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include <moor/mutex.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

// A coroutine that waits for a mutex, which it destroys as soon as it has had it.
class waiter_for_a_mutex {
public:
    waiter_for_a_mutex() {
        wanted_->lock();
        running_ = spawn([this] {
            known_ = sched::worker::current_coroutine();
            wanted_->lock();
            wanted_->unlock();
            has_left_ = true;
            wanted_.reset();
        });
        while (known_ == nullptr || known_.load()->parked_wait() == 0) {
            this_coroutine::yield();
        }
    }
    ~waiter_for_a_mutex() { running_.join(); }

    [[nodiscard]] detail::coroutine& who() const noexcept { return *known_; }
    [[nodiscard]] bool has_left() const noexcept { return has_left_; }
    void let_it_go_on() { wanted_->unlock(); }

private:
    std::unique_ptr<mutex> wanted_ = std::make_unique<mutex>();
    std::atomic<detail::coroutine*> known_{nullptr};
    std::atomic<bool> has_left_{false};
    join_handle<void> running_;
};

TEST(waited_for, is_read_while_the_coroutine_waits) {
    test::in_runtime(1, [] {
        const std::uint64_t self = this_coroutine::id();
        waiter_for_a_mutex waiting;
        const std::uint64_t wait = waiting.who().unended_wait();
        detail::dependence on;
        std::uint64_t holder = 0;
        for (int again = 0; again < 2; ++again) { // a wait that was observed has the same name
            ASSERT_TRUE(waiting.who().read_waits_on(wait, on, holder));
            EXPECT_EQ(holder, self);
            EXPECT_EQ(waiting.who().unended_wait(), wait);
        }
        waiting.let_it_go_on();
        EXPECT_FALSE(waiting.who().read_waits_on(wait, on, holder)); // it has not run yet: its wait has ended
        while (!waiting.has_left()) {
            this_coroutine::yield();
        }
        EXPECT_FALSE(waiting.who().read_waits_on(wait, on, holder));
    });
}

// Without that, whoever searches for circles would read the holder out of memory that is gone.
TEST(waited_for, keeps_the_coroutine_from_leaving_while_it_is_read) {
    test::in_runtime(2, [] {
        waiter_for_a_mutex waiting;
        detail::coroutine& who = waiting.who();
        const std::uint64_t wait = who.unended_wait();
        std::uint64_t holder = 0;
        detail::dependence on;
        std::atomic<bool> marked{false};
        bool left_meanwhile = false;
        std::thread reader([&] {
            (void)who.waits_on.read(on, holder, [&] {
                marked = who.observe(wait);
                // It is woken now, and would be gone in microseconds.
                left_meanwhile = test::eventually([&] { return waiting.has_left(); }, 50ms);
                return marked.load();
            });
        });
        EXPECT_TRUE(test::eventually([&] { return marked.load(); }));
        waiting.let_it_go_on();
        EXPECT_TRUE(test::eventually([&] { return waiting.has_left(); }));
        reader.join();
        EXPECT_FALSE(left_meanwhile);
    });
}

} // namespace
} // namespace moor
