// Stacks that move: growth by the compiler's checks, with everything that a frame can hold.
#include <moor/stack.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

[[gnu::noinline]] std::uint64_t sum_down(unsigned depth, std::uint64_t* above) {
    std::uint64_t own = depth;
    asm volatile("" : : "r"(&own) : "memory");
    if (depth == 0) {
        return *above + own;
    }
    const std::uint64_t below = sum_down(depth - 1, &own);
    return below + *above;
}

template <class Body>
auto on_movable(Body body) {
    return test::in_runtime(1, [body] { return spawn({.stack = stack_kind::movable}, body).join(); });
}

TEST(movement, recursion_grows_the_stack) {
    struct seen {
        std::uint64_t sum;
        std::uint64_t copies;
        std::size_t size;
    };
    runtime_options options{.workers = 1};
    runtime running(options);
    const seen found = running
                           .spawn({.stack = stack_kind::movable},
                                  [] {
                                      std::uint64_t start = 0;
                                      seen result{};
                                      result.sum = sum_down(300, &start);
                                      result.copies = this_coroutine::stack_copies();
                                      result.size = this_coroutine::stack_size();
                                      return result;
                                  })
                           .join();
    EXPECT_EQ(found.sum, 300u * 301 / 2);
    EXPECT_GT(found.copies, 2u);
    EXPECT_GT(found.size, std::size_t{8192});
}

TEST(movement, deep_recursion_goes_on_in_a_slot) {
    runtime_options options{.workers = 1};
    runtime running(options);
    const auto sum = running
                         .spawn({.stack = stack_kind::movable},
                                [] {
                                    std::uint64_t start = 0;
                                    return sum_down(100'000, &start);
                                })
                         .join();
    EXPECT_EQ(sum, 100'000ull * 100'001 / 2);
}

[[gnu::noinline]] void throw_at(unsigned depth) {
    std::string local = "local";
    asm volatile("" : : "r"(&local) : "memory");
    if (depth == 0) {
        throw std::runtime_error("deep");
    }
    throw_at(depth - 1);
    if (local != "local") {
        std::abort();
    }
}

TEST(movement, exceptions_pass_through_grown_frames) {
    runtime_options options{.workers = 1};
    runtime running(options);
    const int caught = running
                           .spawn({.stack = stack_kind::movable},
                                  [] {
                                      int count = 0;
                                      for (unsigned depth : {0u, 1u, 3u, 10u, 100u, 1000u}) {
                                          try {
                                              throw_at(depth);
                                          } catch (const std::runtime_error& thrown) {
                                              count += std::string(thrown.what()) == "deep";
                                          }
                                      }
                                      return count;
                                  })
                           .join();
    EXPECT_EQ(caught, 6);
}

} // namespace
} // namespace moor
