// pin_stack: while one lives addresses stay, the room that was asked for is there, and needing more ends the process
// with a message that says so. Afterwards the stack moves again.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>

#include <moor/task_group.hpp>

#include "stack/on_movable.hpp"
#include "support/child.hpp"

namespace moor {
namespace {

using test::former_place;
using test::grow_by_kibibytes;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kibibyte = 1024;

TEST(pin, keeps_addresses_and_has_the_room) {
    for (const unsigned kibibytes : {1u, 2u, 5u, 16u, 30u, 60u, 63u, 64u, 65u, 100u, 1000u}) {
        struct seen {
            bool stayed = false;
            bool intact = false;
            std::uint64_t copies = 0;
        };
        const seen found = test::on_movable([kibibytes] {
            const pin_stack pinned(kibibytes * 2 * kibibyte);
            const std::uint64_t before = this_coroutine::stack_copies();
            seen result;
            std::uint64_t local = 7;
            const former_place place(&local);
            result.intact = grow_by_kibibytes(kibibytes); // each needs some more than a kibibyte
            for (int round = 0; round < 100; ++round) {
                this_coroutine::yield();
            }
            test::keep(local);
            result.stayed = place.is_where(&local) && local == 7;
            result.copies = this_coroutine::stack_copies() - before;
            return result;
        });
        EXPECT_TRUE(found.stayed) << kibibytes;
        EXPECT_TRUE(found.intact) << kibibytes;
        EXPECT_EQ(found.copies, 0u) << kibibytes;
    }
}

TEST(pin, ends_with_its_scope) {
    struct seen {
        std::uint64_t pinned;
        std::uint64_t later;
    };
    const seen found = test::on_movable([] {
        seen result{};
        {
            const pin_stack pinned(4 * kibibyte);
            const std::uint64_t before = this_coroutine::stack_copies();
            static_cast<void>(grow_by_kibibytes(2));
            result.pinned = this_coroutine::stack_copies() - before;
        }
        const std::uint64_t before = this_coroutine::stack_copies();
        static_cast<void>(grow_by_kibibytes(30));
        result.later = this_coroutine::stack_copies() - before;
        return result;
    });
    EXPECT_EQ(found.pinned, 0u);
    EXPECT_GE(found.later, 1u);
}

TEST(pin, nests) {
    struct seen {
        std::uint64_t inside = 0;
        std::uint64_t outside = 0;
        bool stayed = false;
    };
    const seen found = test::on_movable([] {
        seen result;
        {
            const pin_stack outer(20 * kibibyte);
            const std::uint64_t before = this_coroutine::stack_copies();
            std::uint64_t local = 1;
            const former_place place(&local);
            {
                const pin_stack inner(10 * kibibyte);
                const pin_stack innermost(1);
                static_cast<void>(grow_by_kibibytes(4));
            }
            static_cast<void>(grow_by_kibibytes(8));
            test::keep(local);
            result.stayed = place.is_where(&local);
            result.inside = this_coroutine::stack_copies() - before;
        }
        const std::uint64_t before = this_coroutine::stack_copies();
        static_cast<void>(grow_by_kibibytes(60));
        result.outside = this_coroutine::stack_copies() - before;
        return result;
    });
    EXPECT_TRUE(found.stayed);
    EXPECT_EQ(found.inside, 0u);
    EXPECT_GE(found.outside, 1u);
}

TEST(pin, beyond_segments_is_limited_by_the_largest_stack_only) {
    const auto [intact, copies] = test::on_movable([] {
        const pin_stack pinned(65 * kibibyte);
        const std::uint64_t before = this_coroutine::stack_copies();
        const bool all_intact = grow_by_kibibytes(4000);
        return std::tuple(all_intact, this_coroutine::stack_copies() - before);
    });
    EXPECT_TRUE(intact);
    EXPECT_EQ(copies, 0u);
}

TEST(pin, costs_nothing_where_nothing_moves) {
    const pin_stack on_plain_thread(1000 * kibibyte);
    test::in_runtime(1, [] {
        const auto before = this_coroutine::stack_size();
        const pin_stack on_reserved_stack(1000 * kibibyte);
        EXPECT_EQ(this_coroutine::stack_size(), before);
        EXPECT_EQ(this_coroutine::stack_copies(), 0u);
    });
}

TEST(pin, inside_on_system_stack_is_none_of_the_coroutines) {
    const auto copies = test::on_movable([] {
        on_system_stack([] { const pin_stack pinned(30 * kibibyte); });
        const std::uint64_t before = this_coroutine::stack_copies();
        static_cast<void>(grow_by_kibibytes(10));
        return this_coroutine::stack_copies() - before;
    });
    EXPECT_GE(copies, 1u);
}

// ---- Too little --------------------------------------------------------------------------------------------------

void expect_refusal(const test::scenario& wanted, const char* name, const char* room) {
    const auto end = test::run_in_child(wanted);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr(std::string("'") + name + "' needs "), HasSubstr(" bytes of stack, "),
                                        HasSubstr(std::string("it is pinned with room for ") + room)));
}

const test::scenario overrun_pin("overrun_pin", [] {
    test::on_movable(
        [] {
            const pin_stack pinned(3000);
            static_cast<void>(grow_by_kibibytes(20));
        },
        {.name = "stuck"});
});
TEST(pin_overrun, by_recursion_ends_the_process_with_a_message) { expect_refusal(overrun_pin, "stuck", "3000"); }

const test::scenario overrun_outer_pin("overrun_outer_pin", [] {
    test::on_movable(
        [] {
            const pin_stack outer(2000);
            const pin_stack inner(40 * kibibyte);
        },
        {.name = "nested"});
});
TEST(pin_overrun, by_a_larger_pin_within) { expect_refusal(overrun_outer_pin, "nested", "2000"); }

const test::scenario ensured_in_pin("ensured_in_pin", [] {
    test::on_movable(
        [] {
            const pin_stack outer(2000);
            ensure_stack(40 * kibibyte);
        },
        {.name = "asker"});
});
TEST(pin_overrun, by_a_request_for_room) { expect_refusal(ensured_in_pin, "asker", "2000"); }

const test::scenario thrown_in_pin("thrown_in_pin", [] {
    test::on_movable(
        [] {
            const pin_stack pinned(4000);
            try {
                throw 1;
            } catch (int) {
            }
        },
        {.name = "thrower"});
});
TEST(pin_overrun, by_a_throw) { expect_refusal(thrown_in_pin, "thrower", "4000"); }

// Children refer to a local of the scope that the group is in, while that scope goes deep.
TEST(pin, comes_with_a_task_group) {
    const auto [sum, copies] = test::on_movable([] {
        std::atomic<unsigned> total{0};
        std::uint64_t before = 0;
        std::uint64_t after = 0;
        {
            task_group children;
            before = this_coroutine::stack_copies();
            for (unsigned number = 1; number <= 10; ++number) {
                children.spawn([&total, number] { total += number; });
            }
            static_cast<void>(grow_by_kibibytes(200));
            children.wait();
            after = this_coroutine::stack_copies();
        }
        return std::pair(total.load(), after - before);
    });
    EXPECT_EQ(sum, 55u);
    EXPECT_EQ(copies, 0u);
}

} // namespace
} // namespace moor
