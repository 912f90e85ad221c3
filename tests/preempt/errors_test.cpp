// What a thread keeps of errors is the coroutine's own, also across a preemption: last error, errno, and the exceptions
// that it has caught, while the other coroutines of the worker have others. And preempt_verify tells when somebody
// wrote to the stack of a preempted coroutine.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "preempt/under_storm.hpp"
#include "support/child.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t preemptions = 200;
constexpr unsigned coroutines = 3;

// What the coroutines of a test share.
struct shared {
    std::atomic<bool> stop{false};
    std::atomic<unsigned> latest{0};           // who spins, or did before it was preempted
    std::atomic<std::uint64_t> interrupted{0}; // how often a spin ended because another coroutine had run
    std::atomic<std::uint64_t> wrong{0};
};

// No call, so that nothing but a preemption lets another coroutine of the worker run, and nothing else changes an
// error.
void spin_until_another_ran(shared& common, unsigned number) {
    common.latest.store(number, std::memory_order_relaxed);
    while (common.latest.load(std::memory_order_relaxed) == number && !common.stop.load(std::memory_order_relaxed)) {
    }
    if (common.latest.load(std::memory_order_relaxed) != number) {
        common.interrupted.fetch_add(1, std::memory_order_relaxed);
    }
}

// Runs `step(common, number, round)` over and over on preemptible coroutines of one worker, until their spins were
// interrupted often enough. A step returns whether all was as it left it.
template <class Step>
void expect_own(Step step) {
    runtime running(test::storm(1));
    const test::until_preempted limit(running, ~std::uint64_t{0} / 2); // for its time
    shared common;
    std::vector<join_handle<void>> all;
    for (unsigned number = 1; number <= coroutines; ++number) {
        all.push_back(running.spawn({.preemptible = true}, [&common, step, number] {
            for (unsigned round = 0; !common.stop.load(std::memory_order_relaxed); ++round) {
                if (!step(common, number, round)) {
                    common.wrong.fetch_add(1, std::memory_order_relaxed);
                }
            }
        }));
    }
    const std::uint64_t enough = test::scaled(preemptions);
    while (common.interrupted < enough && !limit.over()) {
        std::this_thread::sleep_for(5ms);
    }
    common.stop = true;
    for (auto& each : all) {
        each.join();
    }
    EXPECT_GE(common.interrupted, enough);
    EXPECT_EQ(common.wrong, 0u);
    if (::testing::Test::HasFailure()) {
        test::print_attempts(running);
    }
}

TEST(preempted_errors, last_error) {
    expect_own([](shared& common, unsigned number, unsigned round) {
        const DWORD own = number * 1'000 + round % 1'000;
        ::SetLastError(own);
        spin_until_another_ran(common, number);
        return ::GetLastError() == own;
    });
}

TEST(preempted_errors, error_number) {
    expect_own([](shared& common, unsigned number, unsigned round) {
        const int own = static_cast<int>(number * 1'000 + round % 1'000);
        errno = own;
        spin_until_another_ran(common, number);
        return errno == own;
    });
}

// ---- Exceptions ----------------------------------------------------------------------------------------------------

// An exception that is caught is not in flight: its handler is preempted like any other code.
TEST(preempted_errors, exception_that_is_being_handled) {
    expect_own([](shared& common, unsigned number, unsigned round) {
        const unsigned own = number * 1'000 + round % 1'000;
        bool right = false;
        try {
            throw own;
        } catch (const unsigned& caught) {
            const std::exception_ptr before = std::current_exception();
            spin_until_another_ran(common, number);
            right = caught == own && std::current_exception() == before && std::uncaught_exceptions() == 0;
            try {
                throw;
            } catch (const unsigned& again) {
                right = right && &again == &caught;
            }
        }
        return right && std::current_exception() == nullptr;
    });
}

TEST(preempted_errors, exceptions_that_are_being_handled_within_each_other) {
    expect_own([](shared& common, unsigned number, unsigned round) {
        bool right = false;
        try {
            throw number;
        } catch (const unsigned& outer) {
            const std::exception_ptr first = std::current_exception();
            try {
                throw static_cast<int>(round);
            } catch (const int& inner) {
                const std::exception_ptr second = std::current_exception();
                spin_until_another_ran(common, number);
                right = inner == static_cast<int>(round) && std::current_exception() == second && second != first;
            }
            right = right && outer == number && std::current_exception() == first;
            spin_until_another_ran(common, number);
            right = right && std::current_exception() == first;
        }
        return right;
    });
}

struct spins_when_destroyed {
    ~spins_when_destroyed() {
        const auto end = std::chrono::steady_clock::now() + 100ms;
        while (std::chrono::steady_clock::now() < end) {
            for (int spin = 0; spin != 1'000'000; ++spin) {
                std::atomic_signal_fence(std::memory_order_seq_cst);
            }
        }
        other_ran_meanwhile = other_ran.load();
        in_flight = std::uncaught_exceptions();
    }
    const std::atomic<bool>& other_ran;
    bool& other_ran_meanwhile;
    int& in_flight;
};

TEST(preempted_errors, nobody_gets_in_while_an_exception_is_in_flight) {
    runtime running(test::storm(1));
    std::atomic<bool> other_ran{false};
    bool meanwhile = true;
    int in_flight = 0;
    running.run([&] {
        spawn({.preemptible = true}, [&] {
            join_handle<void> other;
            try {
                const spins_when_destroyed local{other_ran, meanwhile, in_flight};
                const no_preempt until_thrown;
                other = spawn([&] { other_ran = true; });
                throw 1;
            } catch (int) {
            }
            other.join();
        }).join();
    });
    EXPECT_FALSE(meanwhile);
    EXPECT_EQ(in_flight, 1);
    EXPECT_TRUE(other_ran);
    EXPECT_GT(test::refused(running, preempt_refusal::exception_in_flight), 0u);
}

// ---- preempt_verify ------------------------------------------------------------------------------------------------

// A plain thread writes to a variable of a coroutine that computes, without end.
const test::scenario written_stack("written_stack", [] {
    runtime running(test::verified_storm(1));
    const test::until_preempted limit(running, 200); // one is enough nearly always
    std::atomic<std::atomic<std::uint64_t>*> place{nullptr};
    std::atomic<bool> stop{false};
    auto loop = running.spawn({.preemptible = true}, [&] {
        std::atomic<std::uint64_t> local{0};
        place = &local;
        while (!stop.load(std::memory_order_relaxed)) {
        }
    });
    while (place == nullptr) {
    }
    while (!limit.over()) {
        for (int number = 0; number != 100'000; ++number) {
            place.load()->fetch_add(1, std::memory_order_relaxed);
        }
    }
    stop = true;
    loop.join();
});

TEST(preempt_verify, notices_that_a_stack_was_written_to) {
    const auto end = test::run_in_child(written_stack);
    EXPECT_FALSE(end.hung);
    EXPECT_NE(end.exit_status, 0u);
    EXPECT_NE(end.error_output.find("the stack of a coroutine changed while it was preempted"), std::string::npos)
        << end.error_output;
}

} // namespace
} // namespace moor
