// Stacks of running coroutines: they grow in place to nearly their whole slot, keep their contents and addresses across
// suspensions, and are as good as new when the next coroutine gets them.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"
#include "win/teb.hpp"
#include "win/virtual_memory.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using win::teb::field;

constexpr std::size_t kibibyte = 1024;

// What the deepest frame has to leave free, of what was asked for: room for a suspension.
constexpr std::size_t room = 4 * kibibyte;

std::size_t bytes_left() {
    const char here = 0;
    const std::uint64_t lowest = win::teb::read(field::stack_base) - this_coroutine::stack_size();
    return reinterpret_cast<std::uint64_t>(&here) - lowest;
}

// Descends until `spare` bytes of the stack are left, suspends there, and checks every frame on the way back. Returns
// how many frames there were, 0 when one was damaged.
template <std::size_t FrameBytes>
unsigned descend(std::size_t spare, unsigned mark, std::size_t* left = nullptr) {
    std::array<unsigned, FrameBytes / sizeof(unsigned)> frame;
    frame.fill(mark);
    volatile unsigned* const kept = frame.data(); // the frame has to be there in memory
    unsigned below = 0;
    if (bytes_left() > spare + FrameBytes) {
        below = descend<FrameBytes>(spare, mark, left);
        if (below == 0) {
            return 0;
        }
    } else {
        if (left != nullptr) {
            *left = bytes_left();
        }
        this_coroutine::yield();
    }
    for (std::size_t index = 0; index < frame.size(); ++index) {
        if (kept[index] != mark) {
            return 0;
        }
    }
    return below + 1;
}

class growth_on : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(workers, growth_on, testing::Values(1u, 2u));

TEST_P(growth_on, nearly_the_whole_slot_can_be_used) {
    test::in_runtime(GetParam(), [] {
        for (const std::size_t size : {64 * kibibyte, 256 * kibibyte, 1024 * kibibyte, 16 * 1024 * kibibyte}) {
            spawn({.stack_size = size}, [size] {
                ASSERT_EQ(this_coroutine::stack_size(), size);
                std::size_t left = 0;
                EXPECT_GT(descend<512>(room, 7, &left), 0u);
                EXPECT_LE(left, room + 1 * kibibyte);
            }).join();
        }
    });
}

TEST_P(growth_on, frames_larger_than_the_guard) {
    test::in_runtime(GetParam(), [] {
        spawn({.stack_size = 1024 * kibibyte}, [] { EXPECT_GT(descend<64 * 1024>(room, 7), 10u); }).join();
        spawn({.stack_size = 1024 * kibibyte}, [] { EXPECT_GT(descend<9000>(room, 7), 60u); }).join();
    });
}

TEST_P(growth_on, one_stack_serves_deep_coroutines_one_after_another) {
    test::in_runtime(GetParam(), [] {
        for (unsigned round = 1; round <= 200; ++round) {
            spawn([round] { EXPECT_GT(descend<1024>(room, round), 200u); }).join();
            spawn([] { EXPECT_GT(bytes_left(), 200 * kibibyte); }).join(); // a shallow one between
        }
    });
}

TEST_P(growth_on, deep_ones_live_side_by_side) {
    test::in_runtime(GetParam(), [] {
        std::vector<join_handle<void>> handles;
        for (unsigned number = 1; number <= 100; ++number) {
            handles.push_back(spawn([number] {
                for (unsigned round = 0; round < 5; ++round) {
                    ASSERT_GT(descend<2000>(room + (number % 7) * 20 * kibibyte, number * 10 + round), 10u);
                    this_coroutine::sleep_for(std::chrono::microseconds(number));
                }
            }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
}

TEST_P(growth_on, the_limit_follows_the_depth_and_stays_below_what_was_used) {
    test::in_runtime(GetParam(), [] {
        spawn([] {
            const auto before = win::teb::read(field::stack_limit);
            ASSERT_GT(descend<1024>(100 * kibibyte, 7), 100u);
            const auto after = win::teb::read(field::stack_limit);
            EXPECT_LE(after + 100 * kibibyte, before);
            this_coroutine::sleep_for(1ms);
            EXPECT_LE(win::teb::read(field::stack_limit), after);
            ASSERT_GT(descend<1024>(room, 8), 200u) << "deeper, after a suspension";
        }).join();
    });
}

TEST_P(growth_on, addresses_hold_across_suspensions) {
    test::in_runtime(GetParam(), [] {
        std::vector<join_handle<void>> handles;
        for (int number = 0; number < 20; ++number) {
            handles.push_back(spawn([number] {
                int local = number;
                int* const address = &local;
                for (int round = 0; round < 50; ++round) {
                    this_coroutine::yield();
                    ASSERT_EQ(*address, local);
                    ++*address;
                }
                EXPECT_EQ(local, number + 50);
            }));
        }
        for (auto& handle : handles) {
            handle.join();
        }
    });
}

TEST(growth, exceptions_are_thrown_and_caught_near_the_end_of_a_stack) {
    test::in_runtime(1, [] {
        struct deep {
            static int descend(std::size_t spare) {
                std::array<char, 512> frame;
                frame.fill('x');
                volatile char* const kept = frame.data();
                if (bytes_left() > spare) {
                    const int below = descend(spare);
                    return below + (kept[511] == 'x' ? 1 : 1000);
                }
                throw 7;
            }
        };
        for (int round = 0; round < 10; ++round) {
            spawn([] {
                try {
                    deep::descend(room + 12 * kibibyte); // a throw takes some itself
                    ADD_FAILURE();
                } catch (int caught) {
                    EXPECT_EQ(caught, 7);
                }
            }).join();
        }
    });
}

} // namespace
} // namespace moor
