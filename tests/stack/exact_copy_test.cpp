// What a move changes: saved frame pointers, and nothing else, wherever code keeps its numbers and however the stack
// comes to move (law 3). verify_copy counts the words that differ between the two places.
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include <moor/channel.hpp>
#include <moor/endpoint.hpp>
#include <moor/preempt.hpp>

#include "sched/worker.hpp"
#include "stack/on_movable.hpp"
#include "stack/planted_numbers.hpp"

namespace moor {
namespace {

using namespace test::planted;

// ---- Ways to move --------------------------------------------------------------------------------------------------

void grows() { static_cast<void>(test::grow_by_kibibytes(6)); }

void grows_and_shrinks() {
    static_cast<void>(test::grow_by_kibibytes(6));
    for (unsigned turn = 0; turn != 40; ++turn) {
        this_coroutine::yield();
    }
}

void makes_room() { ensure_stack(6 * std::size_t{1024}); }

void throws() {
    try {
        throw 1;
    } catch (int) {
    }
}

// From below frames of the library.
void has_the_library_throw() {
    try {
        static_cast<void>(endpoint("nowhere", 1));
    } catch (const std::system_error&) {
    }
}

void grows_in_a_preemptible_scope() { preemptible(&grows); }

// Not known to the optimiser: it would leave out the arguments that the frames are made of.
volatile std::uint64_t mark = 1;

// Calls `function()` when the stack has little more left than what a check moves it for.
template <class Function>
[[gnu::noinline]] void call_near_the_end(Function& function) {
    constexpr std::size_t close_to_it = 1280 + 400; // the frames between two calls are smaller than that
    const auto lowest = reinterpret_cast<std::uintptr_t>(sched::worker::current_coroutine()->stack.lowest);
    if (test::stack_pointer() - lowest > close_to_it) {
        static_cast<void>(test::below_control_frame<16>(mark, [&] { call_near_the_end(function); }));
        return;
    }
    function();
}

// The same in different distances to the end: some have all the room that the library needs, and others less.
template <class Function, std::size_t... Steps>
void call_at_each_place(Function function, std::index_sequence<Steps...>) {
    const auto call = [&] { call_near_the_end(function); };
    static_cast<void>((test::below_control_frame<16 + 16 * Steps>(mark, call) && ...));
}
constexpr std::size_t places = 40;

void calls_the_library_everywhere() {
    call_at_each_place([] { this_coroutine::yield(); }, std::make_index_sequence<places>());
}

struct way {
    const char* name;
    mover move;
};
constexpr way ways[] = {
    {"grows", &grows},
    {"grows_and_shrinks", &grows_and_shrinks},
    {"makes_room", &makes_room},
    {"throws", &throws},
    {"has_the_library_throw", &has_the_library_throw},
    {"grows_in_a_preemptible_scope", &grows_in_a_preemptible_scope},
    {"calls_the_library_everywhere", &calls_the_library_everywhere},
};

class exact_copy : public testing::TestWithParam<way> {
protected:
    void SetUp() override {
        if (test::switches().audit) {
            GTEST_SKIP() << "what the audit looks for is kept here on purpose, a thousand words at each move";
        }
    }
};
INSTANTIATE_TEST_SUITE_P(of, exact_copy, testing::ValuesIn(ways),
                         [](const testing::TestParamInfo<way>& tested) { return std::string(tested.param.name); });

struct seen {
    unsigned coroutines = 0;
    unsigned wrong = 0;
    std::uint64_t moves = 0;
    std::uint64_t words = 0; // changed by them
};

// With numbers that are addresses of the first stack: all of it and what is around it.
seen hold_addresses(holder hold, mover move, bool moves_always) {
    runtime_options options{.workers = 1};
    options.debug = test::switches();
    options.debug.verify_copy = true;
    options.debug.force_move = options.debug.force_move || moves_always;
    runtime running(options);
    seen sums;
    const std::int64_t step = moves_always && test::moves_cost_system_calls() ? 64 : 8;
    for (std::int64_t offset = -2048; offset < 2048; offset += step) {
        running
            .spawn({.stack = stack_kind::movable, .stack_size = 2048},
                   [&, offset] {
                       const auto& here = *sched::worker::current();
                       const std::uint64_t moves = this_coroutine::stack_copies();
                       const std::uint64_t words = here.mover().words_changed.value();
                       const bool same = hold(test::stack_pointer() + static_cast<std::uint64_t>(offset), move);
                       ++sums.coroutines;
                       sums.wrong += same ? 0 : 1;
                       sums.moves += this_coroutine::stack_copies() - moves;
                       sums.words += here.mover().words_changed.value() - words;
                   })
            .join();
    }
    return sums;
}

TEST_P(exact_copy, changes_no_number_of_optimised_code) {
    const seen found = hold_addresses(&hold_optimised, GetParam().move, false);
    EXPECT_EQ(found.wrong, 0u);
    EXPECT_GE(found.moves, found.coroutines);
    EXPECT_EQ(found.words, 0u) << "there are no frame pointers";
}
TEST_P(exact_copy, changes_no_number_of_optimised_code_that_moves_all_the_time) {
    const seen found = hold_addresses(&hold_optimised, GetParam().move, true);
    EXPECT_EQ(found.wrong, 0u);
    EXPECT_EQ(found.words, 0u) << "there are no frame pointers";
}
TEST_P(exact_copy, changes_no_number_of_code_with_frame_pointers) {
    const seen found = hold_addresses(&hold_unoptimised, GetParam().move, true);
    EXPECT_EQ(found.wrong, 0u);
    EXPECT_GE(found.moves, found.coroutines);
    EXPECT_GT(found.words, 0u);
}

// ---- Called back ---------------------------------------------------------------------------------------------------

// Moves a value by a function with a frame, which the library calls from below its own.
struct moved_by_hand {
    explicit moved_by_hand(int wanted) noexcept : value(wanted) {}
    [[gnu::noinline]] moved_by_hand(moved_by_hand&& other) noexcept {
        static_cast<void>(test::below_control_frame<16>(mark, [&] { value = std::exchange(other.value, 0); }));
    }
    moved_by_hand& operator=(moved_by_hand&&) = delete;
    ~moved_by_hand() = default;
    int value = 0;
};

TEST(exact_copy, what_the_library_calls_back_has_room_wherever_the_library_was_called) {
    const auto sum = test::on_movable([] {
        int found = 0;
        const channel<moved_by_hand> passage(1);
        call_at_each_place(
            [&] {
                passage.send(moved_by_hand(1));
                found += passage.receive()->value;
            },
            std::make_index_sequence<places>());
        return found;
    });
    EXPECT_EQ(sum, static_cast<int>(places));
}

// ---- Variadic functions --------------------------------------------------------------------------------------------

// Its arguments lie in the caller's frame, and the function goes on while the stack leaves a slot and becomes small.
[[gnu::noinline]] std::uint64_t sum_later(unsigned count, ...) {
    va_list list;
    va_start(list, count);
    for (unsigned turn = 0; turn != 60; ++turn) {
        this_coroutine::yield();
    }
    std::uint64_t sum = 0;
    for (unsigned index = 0; index != count; ++index) {
        sum += va_arg(list, std::uint64_t);
    }
    va_end(list);
    return sum;
}

TEST(exact_copy, leaves_arguments_of_a_variadic_function_in_place_on_a_slot_that_shrinks) {
    runtime_options options{.workers = 1};
    options.debug = test::switches();
    options.debug.stack_poison_copy = true;
    runtime running(options);
    auto called = running.spawn({.stack = stack_kind::movable}, [] {
        static_cast<void>(test::grow_by_kibibytes(200));
        const std::size_t before = this_coroutine::stack_size();
        const std::uint64_t found = sum_later(6, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{8},
                                              std::uint64_t{16}, std::uint64_t{32});
        return std::tuple(found, before, this_coroutine::stack_size());
    });
    const auto [sum, in_slot, after] = called.join();
    EXPECT_EQ(sum, 63u);
    EXPECT_GT(in_slot, std::size_t{64} * 1024);
    if (!test::switches().shrink_off && !test::switches().force_move) {
        EXPECT_LE(after, std::size_t{64} * 1024);
    }
}

} // namespace
} // namespace moor
