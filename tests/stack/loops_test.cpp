// Loops over local arrays that are handed down by address and indexed by the difference of two counters. The optimiser
// keeps addresses like `array - 8 * base` in registers across calls, far outside the array: whoever moves such an array
// by adjusting addresses within the stack breaks the loop. Each loop runs on a stack that moves and on one that does
// not, and both have to give the same.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "stack/on_movable.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

constexpr std::size_t elements = 64;
constexpr std::size_t heap_elements = 40'000;

unsigned calls = 0;
std::array<std::int64_t, heap_elements> heap_like;

// Called in every turn; now and then it goes deep enough to move the stack.
[[gnu::noinline]] void called(std::int64_t value) {
    asm volatile("" : : "r"(value));
    if (++calls % 8 == 5) {
        static_cast<void>(test::grow_by_kibibytes(calls % 64));
    }
}

// ---- The loops: over `first` and `second`, from `low` to `high` -----------------------------------------------------

template <class Element, class Counter>
struct parts {
    Element* first;
    Element* second;
    Counter low;
    Counter high;
};

#define MOOR_LOOP(name, statement)                                                                                     \
    struct name {                                                                                                      \
        template <class Element, class Counter>                                                                        \
        [[gnu::noinline]] static void run(Element* p, [[maybe_unused]] Element* r, Counter low, Counter high) {        \
            statement                                                                                                  \
        }                                                                                                              \
    }

MOOR_LOOP(
    down, for (Counter i = high; i-- > low;) {
        called(std::int64_t(i));
        p[i - low] += 3;
    });
MOOR_LOOP(
    down_call_last, for (Counter i = high; i-- > low;) {
        p[i - low] += 3;
        called(std::int64_t(i));
    });
MOOR_LOOP(
    up, for (Counter i = low; i < high; ++i) {
        called(std::int64_t(i));
        p[i - low] += 3;
    });
MOOR_LOOP(
    up_copying, for (Counter i = low; i < high; ++i) {
        called(std::int64_t(i));
        p[i - low] = Element(heap_like[std::size_t(i)]);
    });
MOOR_LOOP(
    down_copying, for (Counter i = high; i-- > low;) {
        called(std::int64_t(i));
        p[i - low] = Element(heap_like[std::size_t(i)]);
    });
MOOR_LOOP(
    mirrored, for (Counter i = low; i < high; ++i) {
        called(std::int64_t(i));
        p[high - 1 - i] += 3;
    });
MOOR_LOOP(
    up_two_arrays, for (Counter i = low; i < high; ++i) {
        called(std::int64_t(i));
        p[i - low] += 3;
        r[i - low] += Element(i);
    });
MOOR_LOOP(
    down_two_arrays, for (Counter i = high; i-- > low;) {
        called(std::int64_t(i));
        p[i - low] += 3;
        r[i - low] += Element(i);
    });
MOOR_LOOP(
    nested, for (Counter i = low; i < high; ++i) {
        for (int j = 0; j < 3; ++j) {
            called(j);
            p[i - low + Counter(j)] += 1;
        }
    });
MOOR_LOOP(
    nested_steps, for (Counter i = low; i < high; ++i) {
        for (Counter j = i; j < high; j += 5) {
            called(std::int64_t(j));
            p[j - low] += 1;
        }
    });
MOOR_LOOP(
    one_or_other, for (Counter i = low; i < high; ++i) {
        called(std::int64_t(i));
        if ((heap_like[std::size_t(i)] & 1) != 0) {
            p[i - low] += 1;
        } else {
            r[i - low] += 1;
        }
    });
MOOR_LOOP(
    by_pointer, for (const std::int64_t* q = heap_like.data() + low; q != heap_like.data() + high; ++q) {
        called(*q);
        p[q - (heap_like.data() + low)] += 1;
    });
MOOR_LOOP(
    searching, for (Counter i = low; i < high; ++i) {
        called(std::int64_t(i));
        if (p[i - low] == 99) {
            break;
        }
        p[i - low] = 1;
    });
// The array's end, above the top of the stack by a stride.
MOOR_LOOP(
    strided, for (Counter i = low; i < high; i += 7) {
        called(std::int64_t(i));
        p[i - low] += 3;
    });
#undef MOOR_LOOP

// The bounds are not known where the loop is compiled, whether it is inlined or not.
volatile unsigned lowest = 20'000;
volatile unsigned highest = 20'032;

template <class Loop, class Element, class Counter>
[[gnu::noinline]] std::uint64_t drive() {
    std::array<Element, elements> a{};
    std::array<Element, elements> b{};
    Loop::run(a.data(), b.data(), Counter(lowest), Counter(highest));
    test::mixed sum;
    for (std::size_t index = 0; index != elements; ++index) {
        sum << a[index] << b[index];
    }
    return sum.value();
}

struct driven {
    std::uint64_t (*run)();
    const char* loop;
};

template <class Loop, class Element>
void add_counters(std::vector<driven>& to, const char* loop) {
    to.push_back({&drive<Loop, Element, int>, loop});
    to.push_back({&drive<Loop, Element, std::uint32_t>, loop});
    to.push_back({&drive<Loop, Element, std::int64_t>, loop});
    to.push_back({&drive<Loop, Element, std::uint64_t>, loop});
}

template <class Loop>
void add(std::vector<driven>& to, const char* loop) {
    add_counters<Loop, std::uint8_t>(to, loop);
    add_counters<Loop, int>(to, loop);
    add_counters<Loop, std::int64_t>(to, loop);
}

std::vector<driven> all_loops() {
    std::vector<driven> all;
    add<down>(all, "down");
    add<down_call_last>(all, "down_call_last");
    add<up>(all, "up");
    add<up_copying>(all, "up_copying");
    add<down_copying>(all, "down_copying");
    add<mirrored>(all, "mirrored");
    add<up_two_arrays>(all, "up_two_arrays");
    add<down_two_arrays>(all, "down_two_arrays");
    add<nested>(all, "nested");
    add<nested_steps>(all, "nested_steps");
    add<one_or_other>(all, "one_or_other");
    add<by_pointer>(all, "by_pointer");
    add<searching>(all, "searching");
    add<strided>(all, "strided");
    return all;
}

TEST(loops, over_local_arrays_are_right_while_the_stack_moves) {
    for (std::size_t index = 0; index != heap_like.size(); ++index) {
        heap_like[index] = std::int64_t(index * 7 % 100);
    }
    runtime running({.workers = 1});
    std::uint64_t moves = 0;
    for (const driven& each : all_loops()) {
        calls = 0;
        const std::uint64_t expected = running.spawn({.stack_size = std::size_t{1} << 20}, each.run).join();
        calls = 0;
        const std::uint64_t found = running
                                        .spawn({.stack = stack_kind::movable},
                                               [&] {
                                                   const std::uint64_t result = each.run();
                                                   moves += this_coroutine::stack_copies();
                                                   return result;
                                               })
                                        .join();
        EXPECT_EQ(found, expected) << each.loop;
    }
    EXPECT_GT(moves, all_loops().size());
}

} // namespace
} // namespace moor
