// Preemption beside threads that come and go, runtimes that begin and end, and the end of the process: no thread stays
// suspended, and nobody waits for one that is.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/under_storm.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "win/compiler.hpp"
#include "win/error.hpp"
#include "win/handle.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t preemptions = 300;
constexpr int runtimes = 50;
constexpr int process_ends = 10;

void spin_until_set(const std::atomic<bool>& flag) {
    while (!flag.load(std::memory_order_relaxed)) {
    }
}

DWORD WINAPI end_at_once(void*) { return 0; }

TEST(preempted_threads, other_threads_begin_and_end) {
    runtime running(test::storm(2));
    const test::until_preempted enough(running, test::scaled(preemptions));
    std::atomic<bool> stop{false};
    std::uint64_t threads = 0;
    std::thread outside([&] {
        while (!enough.over()) {
            const win::unique_handle thread(::CreateThread(nullptr, 0, &end_at_once, nullptr, 0, nullptr));
            ASSERT_TRUE(thread);
            ::WaitForSingleObject(thread.get(), INFINITE);
            ++threads;
        }
        stop = true;
    });
    running.run([&] {
        std::vector<join_handle<void>> loops;
        for (int number = 0; number != 4; ++number) {
            loops.push_back(spawn({.preemptible = true}, [&] { spin_until_set(stop); }));
        }
        // And a coroutine that makes threads itself.
        loops.push_back(spawn({.preemptible = true}, [&] {
            while (!stop) {
                const win::unique_handle thread(::CreateThread(nullptr, 0, &end_at_once, nullptr, 0, nullptr));
                ::WaitForSingleObject(thread.get(), INFINITE);
            }
        }));
        for (auto& each : loops) {
            each.join();
        }
    });
    outside.join();
    EXPECT_TRUE(enough.reached());
    EXPECT_GT(threads, 0u);
}

TEST(preempted_threads, runtimes_begin_and_end) {
    for (int round = 0; round != runtimes; ++round) {
        runtime running(test::storm(1 + static_cast<unsigned>(round) % 3));
        std::atomic<bool> stop{false};
        const test::until_preempted enough(running, 3);
        std::vector<join_handle<void>> loops;
        for (int number = 0; number != 4; ++number) {
            loops.push_back(running.spawn({.preemptible = true}, [&] { spin_until_set(stop); }));
        }
        while (!enough.over()) {
            std::this_thread::sleep_for(1ms);
        }
        EXPECT_TRUE(enough.reached());
        stop = true;
        if (round % 2 == 0) {
            for (auto& each : loops) {
                each.join();
            }
        }
        loops.clear(); // in odd rounds they end while the runtime shuts down
        running.shutdown();
    }
}

TEST(preempted_threads, a_shutdown_ends_loops_that_ask) {
    for (int round = 0; round != runtimes; ++round) {
        runtime running(test::storm(2));
        const test::until_preempted enough(running, 2);
        for (int number = 0; number != 3; ++number) {
            running
                .spawn({.preemptible = true},
                       [] {
                           while (!this_coroutine::stop_requested()) {
                           }
                       })
                .detach();
        }
        while (!enough.over()) {
            std::this_thread::sleep_for(1ms);
        }
        EXPECT_TRUE(enough.reached());
        running.shutdown();
    }
}

// The thread that runs the caller; from the TEB, since a call into a DLL cannot be interrupted.
std::uint32_t thread_now() noexcept {
    constexpr std::uint32_t unique_thread = 0x48; // of ClientId
    return win::read_gs_32(unique_thread);
}

// Law 5: its registers may hold addresses of thread-local variables. Loops wait preempted on one worker while the other
// has nothing to do and looks for work.
TEST(preempted_threads, a_preempted_coroutine_goes_on_on_its_own_thread) {
    constexpr unsigned workers = 2;
    constexpr unsigned loops = 8;
    runtime running(test::storm(workers));
    std::array<std::atomic<unsigned>, workers> started{};
    std::array<std::atomic<bool>, workers> end{};
    std::atomic<std::uint64_t> moved{0};
    std::vector<join_handle<void>> all;
    for (unsigned number = 0; number != loops; ++number) {
        all.push_back(running.spawn({.preemptible = true}, [&] {
            const unsigned worker = this_coroutine::worker();
            const std::uint32_t thread = thread_now();
            ++started[worker];
            while (!end[worker].load(std::memory_order_relaxed)) {
                if (thread_now() != thread) {
                    ++moved;
                    return;
                }
            }
        }));
    }
    ASSERT_TRUE(test::eventually([&] { return started[0] + started[1] == loops; }));
    const unsigned idle = started[0] < started[1] ? 0 : 1;
    end[idle] = true;
    const test::until_preempted enough(running, test::scaled(preemptions));
    while (!enough.over() && moved == 0) {
        std::this_thread::sleep_for(1ms);
    }
    end[1 - idle] = true;
    for (auto& each : all) {
        each.join();
    }
    EXPECT_EQ(moved, 0u);
    EXPECT_TRUE(enough.reached());
}

// ---- The end of the process ----------------------------------------------------------------------------------------

constexpr int status = 57;

// Loops that never end, under storm, and when they have been preempted a few times `function(running)`.
template <class Function>
void amid_loops(Function function) {
    runtime running(test::storm(2));
    const test::until_preempted enough(running, 20);
    std::vector<join_handle<void>> loops;
    const std::atomic<bool> never{false};
    for (int number = 0; number != 4; ++number) {
        loops.push_back(running.spawn({.preemptible = true}, [&] { spin_until_set(never); }));
    }
    function(running, enough);
}

void expect_ends(const test::scenario& wanted, std::uint32_t expected, const char* output = "") {
    for (int round = 0; round != process_ends; ++round) {
        const auto end = test::run_in_child(wanted);
        ASSERT_FALSE(end.hung) << "in round " << round << ": " << end.error_output;
        ASSERT_EQ(end.exit_status, expected) << "in round " << round << ": " << end.error_output;
        ASSERT_EQ(end.error_output, output);
    }
}

const test::scenario exit_within("exit_within", [] {
    amid_loops([](runtime& running, const test::until_preempted& enough) {
        running
            .spawn({.preemptible = true},
                   [&] {
                       while (!enough.reached()) {
                       }
                       std::exit(status);
                   })
            .join();
    });
});
TEST(process_end, from_a_preemptible_coroutine) { expect_ends(exit_within, status); }

const test::scenario exit_from_main("exit_from_main", [] {
    amid_loops([](runtime&, const test::until_preempted& enough) {
        while (!enough.reached()) {
        }
        std::exit(status);
    });
});
TEST(process_end, from_the_main_thread) { expect_ends(exit_from_main, status); }

const test::scenario exit_from_thread("exit_from_thread", [] {
    amid_loops([](runtime&, const test::until_preempted& enough) {
        std::thread([&] {
            while (!enough.reached()) {
            }
            std::exit(status);
        }).join();
    });
});
TEST(process_end, from_another_thread) { expect_ends(exit_from_thread, status); }

const test::scenario exit_process_at_once("exit_process_at_once", [] {
    amid_loops([](runtime&, const test::until_preempted& enough) {
        while (!enough.reached()) {
        }
        ::TerminateProcess(::GetCurrentProcess(), status);
    });
});
TEST(process_end, by_force) { expect_ends(exit_process_at_once, status); }

// The thread that ends the process is one that is suspended time and again.
const test::scenario fatal_within("fatal_within", [] {
    amid_loops([](runtime& running, const test::until_preempted& enough) {
        running
            .spawn({.preemptible = true},
                   [&] {
                       while (!enough.reached()) {
                       }
                       win::fatal("enough", status);
                   })
            .join();
    });
});
TEST(process_end, by_a_fatal_error_in_a_preemptible_coroutine) { expect_ends(fatal_within, status, "moor: enough\n"); }

} // namespace
} // namespace moor
