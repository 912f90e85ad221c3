// on_system_stack: calls on the worker's system stack bring back results of every kind and exceptions, nest, do nothing
// special on plain threads, and refuse to suspend.
#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>

#include <moor/semaphore.hpp>

#include "stack/on_movable.hpp"
#include "support/child.hpp"
#include "win/teb.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using test::former_place;
using testing::HasSubstr;

bool is_on_stack_of_teb(std::uintptr_t place) noexcept {
    return win::teb::on_current_stack(reinterpret_cast<const void*>(place));
}
bool on_stack_of_teb() noexcept { return is_on_stack_of_teb(test::stack_pointer()); }

TEST(system_stack, is_another_stack_with_room) {
    struct seen {
        bool teb_is_right = false;
        bool other = false;
        bool moved = true;
        bool back = false;
        std::uint64_t copies = 0;
    };
    const seen found = test::on_movable([] {
        seen result;
        const std::uintptr_t place = test::stack_pointer();
        std::uint64_t local = 0;
        const former_place place_of_local(&local);
        const std::uint64_t before = this_coroutine::stack_copies();
        on_system_stack([&] {
            std::array<char, 200 * 1024> large; // no check fires here, and the stack grows by its guard page
            test::keep(large);
            result.teb_is_right = on_stack_of_teb();
            result.other = !is_on_stack_of_teb(place);
            result.moved = !place_of_local.is_where(&local);
        });
        result.back = on_stack_of_teb();
        result.copies = this_coroutine::stack_copies() - before;
        return result;
    });
    EXPECT_TRUE(found.teb_is_right);
    EXPECT_TRUE(found.other);
    EXPECT_FALSE(found.moved);
    EXPECT_TRUE(found.back);
    if (!test::moves_without_need()) {
        EXPECT_EQ(found.copies, 0u);
    }
}

struct large_result {
    std::array<std::uint64_t, 40> words;
};
int global_value = 5;

TEST(system_stack, brings_back_results_of_every_kind) {
    const auto right = test::on_movable([] {
        std::vector<bool> all;
        all.push_back(on_system_stack([] { return 42; }) == 42);
        all.push_back(on_system_stack([] { return 2.5; }) == 2.5);
        all.push_back(on_system_stack([] { return std::string(100, 'x'); }) == std::string(100, 'x'));
        all.push_back(*on_system_stack([] { return std::make_unique<int>(7); }) == 7);
        all.push_back(on_system_stack([] { return large_result{{1, 2, 3}}; }).words[2] == 3);
        auto&& reference = on_system_stack([]() -> int& { return global_value; });
        static_assert(std::is_same_v<decltype(reference), int&>);
        all.push_back(&reference == &global_value);
        auto&& moved = on_system_stack([]() -> int&& { return std::move(global_value); });
        static_assert(std::is_same_v<decltype(moved), int&&>);
        all.push_back(&moved == &global_value);
        const auto owned = std::make_unique<int>(3);
        on_system_stack([&]() noexcept { *owned = 4; });
        all.push_back(*owned == 4);
        auto consumed = [kept = std::make_unique<int>(9)]() mutable { return std::move(kept); };
        all.push_back(*on_system_stack(std::move(consumed)) == 9);
        return all;
    });
    EXPECT_THAT(right, testing::Each(true));
}

TEST(system_stack, brings_back_exceptions) {
    const auto right = test::on_movable([] {
        std::vector<bool> all;
        for (int round = 0; round < 20; ++round) {
            try {
                on_system_stack([round]() -> int { throw std::runtime_error(std::to_string(round)); });
                all.push_back(false);
            } catch (const std::runtime_error& caught) {
                all.push_back(caught.what() == std::to_string(round));
            }
            // Caught there already.
            all.push_back(on_system_stack([] {
                              try {
                                  throw 5;
                              } catch (int value) {
                                  return value;
                              }
                          }) == 5);
        }
        return all;
    });
    EXPECT_THAT(right, testing::Each(true));
}

TEST(system_stack, nests_as_an_ordinary_call) {
    const auto depth = test::on_movable([] {
        return on_system_stack([] {
            const std::uintptr_t outer = test::stack_pointer();
            return on_system_stack(
                [outer] { return is_on_stack_of_teb(outer) ? on_system_stack([] { return 3; }) : 0; });
        });
    });
    EXPECT_EQ(depth, 3);
}

TEST(system_stack, is_an_ordinary_call_on_plain_threads) {
    const std::uintptr_t here = test::stack_pointer();
    EXPECT_TRUE(on_system_stack([here] { return is_on_stack_of_teb(here); }));
    EXPECT_THROW(on_system_stack([] { throw 1; }), int);
}

TEST(system_stack, works_from_reserved_stacks_and_slots) {
    test::in_runtime(1, [] {
        const std::uintptr_t here = test::stack_pointer();
        EXPECT_FALSE(on_system_stack([here] { return is_on_stack_of_teb(here); }));
    });
    // At every place relative to a page, since the visit pushes on the stack that it leaves.
    const auto visits = test::on_movable([] {
        unsigned count = 0;
        struct descent {
            static void go(unsigned depth, unsigned& counted) {
                std::array<std::uint64_t, 3> frame{};
                test::keep(frame);
                counted += on_system_stack([] { return 1u; });
                if (depth != 0) {
                    go(depth - 1, counted);
                }
                test::keep(frame);
            }
        };
        descent::go(20'000, count);
        return count;
    });
    EXPECT_EQ(visits, 20'001u);
}

// Nobody is there who could run meanwhile.
const test::scenario suspends_inside("suspends_inside", [] {
    test::on_movable([] {
        auto other = spawn([] {});
        on_system_stack([] { this_coroutine::sleep_for(1ms); });
        other.join();
    });
});
const test::scenario acquires_inside("acquires_inside", [] {
    test::on_movable([] {
        const auto units = std::make_unique<semaphore>(0);
        on_system_stack([&] { units->acquire(); });
    });
});
const test::scenario suspends_inside_of_reserved("suspends_inside_of_reserved", [] {
    test::in_runtime(1, [] { on_system_stack([] { this_coroutine::sleep_for(1ms); }); });
});
TEST(system_stack, suspending_inside_ends_the_process_with_a_message) {
    for (const auto* each : {&suspends_inside, &acquires_inside, &suspends_inside_of_reserved}) {
        const auto end = test::run_in_child(*each);
        EXPECT_FALSE(end.hung);
        EXPECT_EQ(end.exit_status, 3u);
        EXPECT_THAT(end.error_output, HasSubstr("suspend inside on_system_stack"));
    }
}

} // namespace
} // namespace moor
