// The frames between a preempted instruction and its scope come from two compilers, Clang and GCC, in turn: the walk
// follows both, and the code of both finds everything as it was. The library is by one of them; see CMakeLists.txt.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "preempt/under_storm.hpp"
#include "unwind/workload.hpp"

namespace moor::unwind::test::by_other_compiler {
unsigned run_workload(unsigned rounds);
unsigned run_nested(unsigned depth, unsigned value, const nesting& by);
} // namespace moor::unwind::test::by_other_compiler

namespace moor {
namespace {

namespace work = unwind::test;

constexpr std::uint64_t preemptions = 200;
constexpr unsigned workers = 2;
constexpr unsigned coroutines = 5;

constexpr work::nesting nesting_of_both{{&work::by_this_compiler::run_nested, &work::by_other_compiler::run_nested}};

// Runs `compute(number)` over and over in preemptible coroutines; each gives what it gave in no scope.
template <class Compute>
void expect_same(Compute compute) {
    runtime running(test::storm(workers));
    const test::until_preempted enough(running, test::scaled(preemptions));
    running.run([&] {
        std::vector<join_handle<std::uint64_t>> all;
        for (unsigned number = 1; number <= coroutines; ++number) {
            const unsigned expected = compute(number);
            all.push_back(spawn({.preemptible = true}, [&enough, compute, number, expected] {
                std::uint64_t wrong = 0;
                while (!enough.over()) {
                    for (unsigned time = 0; time != 100; ++time) {
                        wrong += compute(number) != expected ? 1 : 0;
                    }
                }
                return wrong;
            }));
        }
        for (auto& each : all) {
            EXPECT_EQ(each.join(), 0u);
        }
    });
    EXPECT_TRUE(enough.reached());
    // The frames of neither compiler are a reason to refuse but now and then.
    EXPECT_LT(test::refused(running, preempt_refusal::bad_frames) * 5, running.metrics().preemptions);
    test::print_attempts(running);
}

TEST(mixed_frames, called_one_after_the_other) {
    expect_same([](unsigned number) {
        return work::by_this_compiler::run_workload(number) ^ 3 * work::by_other_compiler::run_workload(number);
    });
}

TEST(mixed_frames, called_within_each_other) {
    expect_same([](unsigned number) {
        return work::by_this_compiler::run_nested(20, number, nesting_of_both) ^
               3 * work::by_other_compiler::run_nested(21, number, nesting_of_both);
    });
}

} // namespace
} // namespace moor
