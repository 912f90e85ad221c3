// Random lives (random_lives.hpp) on one, two and four workers, started by two threads.
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "sched/random_lives.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class stress : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, stress, testing::Values(1u, 2u, 4u));

TEST_P(stress, random_lives) {
    const std::uint32_t seed = test_seed();
    random_lives work(seed, steady::now() + 1500ms);
    runtime running(with_workers(GetParam()));
    const auto end = steady::now() + 1500ms;
    // From two threads, which join what they start.
    const auto drive = [&] {
        while (steady::now() < end) {
            std::vector<std::pair<std::uint32_t, join_handle<std::uint32_t>>> crowd;
            for (int number = 0; number < 20; ++number) {
                const auto each = work.new_number();
                crowd.emplace_back(each, running.spawn([&work, each] { return work.live(0, each); }));
            }
            for (auto& [number, handle] : crowd) {
                try {
                    EXPECT_EQ(handle.join(), number);
                    EXPECT_FALSE(random_lives::fails(number));
                } catch (const lost& error) {
                    EXPECT_EQ(error.number, number);
                    EXPECT_TRUE(random_lives::fails(number));
                }
            }
        }
    };
    std::thread second(drive);
    drive();
    second.join();
    EXPECT_EQ(work.errors(), 0u);
    EXPECT_GT(work.lives(), 100u);
    EXPECT_EQ(running.metrics().coroutines_alive, 0u);
}

} // namespace
} // namespace moor::test
