// Coroutines that wait for each other in a circle are reported while the rest of the program goes on; what looks like a
// circle and is none is not.
#include "sched/circle_watch.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <moor/endpoint.hpp>
#include <moor/mutex.hpp>
#include <moor/once.hpp>
#include <moor/runtime.hpp>
#include <moor/shared_mutex.hpp>
#include <moor/spawn.hpp>
#include <moor/task_group.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/runtime_reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal.hpp"
#include "support/captured_errors.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "sync/ownership.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// Runs `deadlock` beside a listener, without which the runtime would see that all are blocked.
template <class Deadlock>
void beside_a_listener(unsigned workers, Deadlock deadlock) {
    test::in_runtime(workers, [deadlock] {
        auto listener = tcp_listener::bind(endpoint("127.0.0.1", 0));
        auto open = spawn({.name = "listener"}, [&] { (void)listener.accept(); });
        deadlock();
        open.join();
    });
}

// Both have the first mutex before one of them wants the second.
class meeting {
public:
    explicit meeting(int expected) : missing_(expected) {}
    void arrive() {
        --missing_;
        while (missing_ > 0) {
            this_coroutine::yield();
        }
    }

private:
    std::atomic<int> missing_;
};

void circle_of_one_once() {
    once loaded;
    spawn({.name = "alpha"}, [&] { loaded.call([&] { loaded.call([] {}); }); }).join();
}

void circle_of_one_group() {
    task_group family;
    family.spawn({.name = "alpha"}, [&] {
        const this_coroutine::stop_shield shield;
        family.wait();
    });
    family.wait();
}

void circle_of_one_mutex() {
    mutex lock;
    spawn({.name = "alpha"}, [&] {
        lock.lock();
        lock.lock();
    }).join();
}

void circle_of_two_mutexes() {
    mutex left;
    mutex right;
    meeting both(2);
    auto alpha = spawn({.name = "alpha"}, [&] {
        const std::lock_guard first(left);
        both.arrive();
        const std::lock_guard second(right);
    });
    auto beta = spawn({.name = "beta"}, [&] {
        const std::lock_guard first(right);
        both.arrive();
        const std::lock_guard second(left);
    });
    alpha.join();
    beta.join();
}

void circle_of_two_readers() {
    shared_mutex left;
    shared_mutex right;
    meeting both(2);
    auto alpha = spawn({.name = "alpha"}, [&] {
        left.lock();
        both.arrive();
        right.lock_shared();
    });
    auto beta = spawn({.name = "beta"}, [&] {
        right.lock();
        both.arrive();
        left.lock_shared();
    });
    alpha.join();
    beta.join();
}

void circle_of_a_join() {
    mutex lock;
    const std::lock_guard held(lock);
    auto beta = spawn({.name = "beta"}, [&] { lock.lock(); });
    const this_coroutine::stop_shield shield;
    beta.join();
}

void circle_of_three() {
    mutex left;
    mutex right;
    meeting both(2);
    auto alpha = spawn({.name = "alpha"}, [&] {
        const std::lock_guard first(left);
        both.arrive();
        const std::lock_guard second(right);
    });
    auto beta = spawn({.name = "beta"}, [&] {
        const std::lock_guard first(right);
        both.arrive();
        task_group family;
        family.spawn({.name = "idle"}, [] { test::signal().wait(); });
        family.spawn({.name = "gamma"}, [&] { const std::lock_guard second(left); });
        const this_coroutine::stop_shield shield;
        family.wait();
    });
    alpha.join();
    beta.join();
}

struct deadlock {
    test::scenario on_one;
    test::scenario on_two;
    std::vector<std::string> said;
};

const std::array circles{
    deadlock{{"once_1", [] { beside_a_listener(1, circle_of_one_once); }},
             {"once_2", [] { beside_a_listener(2, circle_of_one_once); }},
             {"a coroutine waits for itself, for ever:", "'alpha' waits in once for #"}},
    deadlock{{"group_1", [] { beside_a_listener(1, circle_of_one_group); }},
             {"group_2", [] { beside_a_listener(2, circle_of_one_group); }},
             {"a coroutine waits for itself, for ever:", "'alpha' waits in task_group for #"}},
    deadlock{{"mutexes_1", [] { beside_a_listener(1, circle_of_two_mutexes); }},
             {"mutexes_2", [] { beside_a_listener(2, circle_of_two_mutexes); }},
             {"2 coroutines wait for each other in a circle, for ever:", "'alpha' waits in mutex for #",
              "'beta' waits in mutex for #"}},
    deadlock{{"readers_1", [] { beside_a_listener(1, circle_of_two_readers); }},
             {"readers_2", [] { beside_a_listener(2, circle_of_two_readers); }},
             {"2 coroutines wait for each other in a circle, for ever:", "'alpha' waits in shared_mutex for #",
              "'beta' waits in shared_mutex for #"}},
    deadlock{{"join_1", [] { beside_a_listener(1, circle_of_a_join); }},
             {"join_2", [] { beside_a_listener(2, circle_of_a_join); }},
             {"2 coroutines wait for each other in a circle, for ever:", "'main' waits in join for #",
              "'beta' waits in mutex for #"}},
    deadlock{{"three_1", [] { beside_a_listener(1, circle_of_three); }},
             {"three_2", [] { beside_a_listener(2, circle_of_three); }},
             {"3 coroutines wait for each other in a circle, for ever:", "'alpha' waits in mutex for #",
              "'beta' waits in task_group for #", "'gamma' waits in mutex for #"}},
};

void expect_reported(const test::scenario& wanted, const std::vector<std::string>& said) {
    SCOPED_TRACE(wanted.name());
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    for (const std::string& each : said) {
        EXPECT_THAT(end.error_output, HasSubstr(each));
    }
    EXPECT_THAT(end.error_output, testing::Not(HasSubstr("listener")));
}

TEST(circle, ends_the_process_with_its_members) {
    for (const deadlock& each : circles) {
        expect_reported(each.on_one, each.said);
        expect_reported(each.on_two, each.said);
    }
}

const test::scenario locked_again("locked_again", [] { beside_a_listener(2, circle_of_one_mutex); });
TEST(circle, of_one_that_locks_its_mutex_again) {
    if (detail::checks_ownership) {
        expect_reported(locked_again, {"a mutex was locked again by its owner"});
    } else {
        expect_reported(locked_again, {"a coroutine waits for itself, for ever:", "'alpha' waits in mutex for #"});
    }
}

// ---- What may yet end by itself ------------------------------------------------------------------------------------

// A runtime that searches all the time.
class watched : public testing::TestWithParam<unsigned> {
protected:
    watched() {
        core.circles.interval = 0ms;
        core.circles.unsure_after = 100ms;
    }

    static runtime_options options() {
        runtime_options reporting = test::with_workers(GetParam());
        reporting.on_deadlock = deadlock_action::report;
        return reporting;
    }

    test::captured_errors errors;
    detail::runtime_core core{options(), &debug::make_runtime_reports};
};

INSTANTIATE_TEST_SUITE_P(circle, watched, testing::Values(1u, 2u));

constexpr auto long_enough = 400ms; // for several searches, and for what is unsure

TEST_P(watched, of_joins_that_a_request_to_stop_ends) {
    join_handle<void> alpha;
    join_handle<void> beta;
    test::signal both_known;
    const auto join = [](join_handle<void>& other, std::error_code& error) { other.wait({}, error); };
    std::error_code seen_by_alpha;
    std::error_code seen_by_beta;
    alpha = detail::launch(&core, {.name = "alpha"}, [&] {
        both_known.wait();
        join(beta, seen_by_alpha);
    });
    beta = detail::launch(&core, {.name = "beta"}, [&] { join(alpha, seen_by_beta); });
    const auto began = std::chrono::steady_clock::now();
    both_known.set();
    EXPECT_TRUE(errors.wait_for("in a circle, for ever unless one is asked to stop:"));
    EXPECT_GE(std::chrono::steady_clock::now() - began, core.circles.unsure_after);
    EXPECT_TRUE(errors.wait_for("'beta' waits in join for #"));
    EXPECT_THAT(errors.text(), HasSubstr("'alpha' waits in join for #"));
    std::this_thread::sleep_for(long_enough);
    beta.request_stop();
    alpha.join();
    beta.join();
    EXPECT_FALSE(seen_by_alpha);
    EXPECT_EQ(seen_by_beta, std::errc::operation_canceled);
    const std::string& text = errors.text();
    EXPECT_EQ(text.find("in a circle"), text.rfind("in a circle")) << text;
}

TEST_P(watched, stays_silent_when_a_limit_ends_it) {
    mutex left;
    mutex right;
    meeting both(2);
    auto alpha = detail::launch(&core, {.name = "alpha"}, [&] {
        const std::lock_guard first(left);
        both.arrive();
        EXPECT_FALSE(right.try_lock_for(long_enough));
    });
    auto beta = detail::launch(&core, {.name = "beta"}, [&] {
        const std::lock_guard first(right);
        both.arrive();
        const std::lock_guard second(left);
    });
    alpha.join();
    beta.join();
    EXPECT_THAT(errors.text(), IsEmpty());
}

TEST_P(watched, stays_silent_when_a_token_ends_it) {
    std::stop_source source;
    mutex left;
    mutex right;
    meeting both(2);
    auto alpha = detail::launch(&core, {.name = "alpha"}, [&] {
        const std::lock_guard first(left);
        both.arrive();
        std::error_code error;
        EXPECT_FALSE(right.lock(source.get_token(), error));
    });
    auto beta = detail::launch(&core, {.name = "beta"}, [&] {
        const std::lock_guard first(right);
        both.arrive();
        const std::lock_guard second(left);
    });
    std::this_thread::sleep_for(long_enough);
    source.request_stop();
    alpha.join();
    beta.join();
    EXPECT_THAT(errors.text(), IsEmpty());
}

TEST_P(watched, stays_silent_about_a_chain) {
    mutex lock;
    test::signal last;
    task_group* family = nullptr;
    auto alpha = detail::launch(&core, {.name = "alpha"}, [&] {
        task_group children;
        family = &children;
        const std::lock_guard held(lock);
        children.spawn({.name = "beta"}, [&] { last.wait(); });
        children.wait();
    });
    auto gamma = detail::launch(&core, {.name = "gamma"}, [&] { alpha.join(); });
    auto delta = detail::launch(&core, {.name = "delta"}, [&] { const std::lock_guard held(lock); });
    std::this_thread::sleep_for(long_enough);
    EXPECT_THAT(errors.text(), IsEmpty());
    last.set();
    gamma.join();
    delta.join();
}

// Each takes two of the locks, always the lower one first, so there is no circle at any time. Seen at different times,
// the waits would make one: who holds the lock that another waits for has released it and waits for what that one has.
TEST_P(watched, stays_silent_while_locks_change_hands) {
    std::array<mutex, 4> locks;
    std::atomic<std::uint64_t> rounds{0};
    const auto end = std::chrono::steady_clock::now() + 1500ms;
    std::vector<join_handle<void>> all;
    for (std::uint32_t number = 0; number < 12; ++number) {
        all.push_back(detail::launch(&core, {.name = "one of many"}, [&, random = number]() mutable {
            while (std::chrono::steady_clock::now() < end) {
                random = random * 1664525u + 1013904223u;
                const std::size_t lower = (random >> 8) % (locks.size() - 1);
                const std::size_t upper = lower + 1 + (random >> 20) % (locks.size() - 1 - lower);
                const std::lock_guard first(locks[lower]);
                this_coroutine::yield();
                const std::lock_guard second(locks[upper]);
                this_coroutine::yield();
                ++rounds;
            }
        }));
    }
    for (auto& each : all) {
        each.join();
    }
    EXPECT_GT(rounds.load(), 100u);
    EXPECT_THAT(errors.text(), IsEmpty());
}

} // namespace
} // namespace moor
