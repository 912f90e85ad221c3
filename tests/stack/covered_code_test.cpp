// What the compiler pass makes of functions that need more than plain locals, on a stack that moves in their midst:
// variadic ones, alloca, alignment, wide arithmetic, exceptions; and that no number is taken for an address.
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>

#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "stack/on_movable.hpp"
#include "support/child.hpp"
#include "win/teb.hpp"

namespace moor {
namespace {

using test::grow_by_kibibytes;
using test::on_movable;
using testing::AllOf;
using testing::HasSubstr;

void grow() { static_cast<void>(grow_by_kibibytes(40)); }

// ---- Variadic functions ------------------------------------------------------------------------------------------

[[gnu::noinline]] std::uint64_t mix_of(unsigned count, va_list list) {
    test::mixed sum;
    for (unsigned index = 0; index != count; ++index) {
        if (index == count / 2) {
            grow();
        }
        sum << va_arg(list, std::uint64_t);
    }
    return sum.value();
}

[[gnu::noinline]] std::uint64_t twice(unsigned count, ...) {
    va_list list;
    va_start(list, count);
    va_list other;
    va_copy(other, list);
    const std::uint64_t first = mix_of(count, list);
    grow();
    const std::uint64_t second = mix_of(count, other);
    va_end(other);
    va_end(list);
    return first == second ? first : 0;
}

TEST(covered_code, variadic_arguments_outlive_moves) {
    const auto call = [] {
        return (test::mixed() << twice(0) << twice(1, 1ull) << twice(3, 1ull, 2ull, ~3ull)
                              << twice(9, 9ull, 8ull, 7ull, 6ull, 5ull, 4ull, 3ull, 2ull, 1ull))
            .value();
    };
    const std::uint64_t expected = call();
    EXPECT_NE(expected, 0u);
    EXPECT_EQ(on_movable(call), expected);
}

// ---- Locals of every kind ----------------------------------------------------------------------------------------

[[gnu::noinline]] bool array_of(std::size_t count) {
    auto* const words = static_cast<std::size_t*>(__builtin_alloca(count * sizeof(std::size_t)));
    for (std::size_t index = 0; index != count; ++index) {
        words[index] = index;
    }
    grow();
    for (std::size_t index = 0; index != count; ++index) {
        if (words[index] != index) {
            return false;
        }
    }
    auto address = reinterpret_cast<std::uintptr_t>(words);
    asm volatile("" : "+r"(address)); // otherwise the compiler knows it to be aligned
    return address % 16 == 0;
}

TEST(covered_code, alloca_of_every_size) {
    EXPECT_TRUE(on_movable([] {
        bool all = true;
        for (std::size_t count = 0; count < 20'000; count += 1 + count / 2) {
            all = all && array_of(count);
        }
        return all;
    }));
}

template <std::size_t Alignment>
[[gnu::noinline]] bool aligned_local() {
    alignas(Alignment) std::array<std::uint8_t, Alignment + 8> bytes{};
    bytes.back() = 7;
    test::keep(bytes);
    auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    asm volatile("" : "+r"(address)); // otherwise the compiler knows it to be aligned
    grow();
    test::keep(bytes);
    return address % Alignment == 0 && address == reinterpret_cast<std::uintptr_t>(bytes.data()) && bytes.back() == 7;
}

TEST(covered_code, locals_of_every_alignment) {
    EXPECT_TRUE(on_movable([] {
        return aligned_local<16>() && aligned_local<32>() && aligned_local<64>() && aligned_local<256>() &&
               aligned_local<1024>() && aligned_local<4096>();
    }));
}

using four = float __attribute__((vector_size(16)));

struct wide_numbers {
    __extension__ using integer = __int128;

    // In a loop, so that addresses of temporaries would be kept from one turn to the next.
    [[gnu::noinline]] static std::uint64_t run(integer value, integer by, long double real, four vector) {
        test::mixed sum;
        for (int turn = 0; turn != 20; ++turn) {
            value = value / by + turn;
            sum << static_cast<std::uint64_t>(value) << static_cast<std::uint64_t>(value >> 64);
            grow_by_kibibytes(static_cast<unsigned>(turn));
            real = __builtin_floorl(real * 3) + static_cast<long double>(value);
            sum << static_cast<std::int64_t>(real / 1e9L);
            grow_by_kibibytes(static_cast<unsigned>(turn * 2));
            vector[turn % 4] += static_cast<float>(value % 100);
            sum << static_cast<std::int64_t>(vector[(turn + 1) % 4]);
            value = value * 1'000'003 + (value << 50);
            by += 1;
        }
        return sum.value();
    }
};

TEST(covered_code, wide_numbers_in_loops) {
    const auto call = [] {
        using integer = wide_numbers::integer;
        return wide_numbers::run(integer{0x123456789abcdef} << 60, 1'000'003, 1.5L, four{1, 2, 3, 4});
    };
    EXPECT_EQ(on_movable(call), call());
}

// ---- The rare ways into the data stack ----------------------------------------------------------------------------

volatile std::size_t some_index = 3;

std::size_t data_in_use() { return sched::worker::current_coroutine()->data.size(); }

// Too large for the first chunk, so that another one is linked while arguments are in registers. The local is indexed
// by a variable, which puts it on the data stack.
[[gnu::noinline]] std::uint64_t with_a_chunk(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    std::array<std::uint64_t, 400> local;
    local[some_index] = c;
    return a + local[some_index] * 10 + b * 100 + d * 1000;
}

// When this returns its callee's chunk is empty, and is given back while the result is in registers.
template <class Result>
[[gnu::noinline]] Result result_of(Result a, Result b) {
    std::array<Result, 8> local;
    local[some_index] = a;
    static_cast<void>(with_a_chunk(some_index, 1, 2, some_index));
    return local[some_index] * b + 1;
}
TEST(covered_code, chunks_come_and_go_beside_what_registers_hold) {
    const auto call = [] {
        const std::uint64_t three = some_index; // not known to the compiler
        const auto large = result_of(wide_numbers::integer{three} << 64, wide_numbers::integer{5});
        return (test::mixed() << with_a_chunk(three - 2, three - 1, three, three + 1)
                              << static_cast<std::int64_t>(result_of(2.5, 4.0))
                              << static_cast<std::int64_t>(result_of(2.5F, 4.0F)) << result_of<std::uint64_t>(7, 9)
                              << static_cast<std::uint64_t>(large) << static_cast<std::uint64_t>(large >> 64))
            .value();
    };
    const auto expected = (test::mixed() << std::uint64_t{4231} << std::int64_t{11} << std::int64_t{11}
                                         << std::uint64_t{64} << std::uint64_t{1} << std::uint64_t{15})
                              .value();
    EXPECT_EQ(on_movable(call), expected);
}

// A direct call, so that no return of an older function gives its chunk back: suspensions do.
TEST(covered_code, a_chunk_that_is_not_needed_again_is_given_back) {
    const auto [deep, later] = on_movable([] {
        std::array<std::uint8_t, 100> own{};
        test::keep(own);
        static_cast<void>(with_a_chunk(some_index, 1, 2, some_index));
        const std::size_t most = data_in_use();
        for (int turn = 0; turn != 100; ++turn) {
            this_coroutine::yield();
        }
        return std::pair(most, data_in_use());
    });
    EXPECT_GE(deep, 400 * sizeof(std::uint64_t));
    EXPECT_LE(later, 2048u);
}

// ---- Exceptions ----------------------------------------------------------------------------------------------------

[[gnu::noinline]] void throw_below(unsigned depth) {
    std::array<std::uint8_t, 700> local{};
    test::keep(local);
    if (depth == 0) {
        throw std::runtime_error("deep");
    }
    throw_below(depth - 1);
    test::keep(local);
}

// A function without a local in memory.
[[gnu::noinline]] int catch_many(int count) noexcept {
    int caught = 0;
    for (int turn = 0; turn != count; ++turn) {
        try {
            throw_below(static_cast<unsigned>(turn % 10));
        } catch (...) {
            ++caught;
        }
    }
    return caught;
}

TEST(covered_code, what_exceptions_leave_behind_is_taken_back) {
    const auto [caught, size] = on_movable([] {
        const int count = catch_many(1000);
        return std::pair(count, data_in_use());
    });
    EXPECT_EQ(caught, 1000);
    EXPECT_LE(size, std::size_t{64} * 1024);
}

TEST(covered_code, the_data_stack_is_given_back_after_a_deep_moment) {
    const auto [deep, later] = on_movable([] {
        std::array<std::uint8_t, 100> own{};
        test::keep(own);
        catch_many(10);
        static_cast<void>(grow_by_kibibytes(200));
        const std::size_t most = data_in_use();
        for (int turn = 0; turn != 100; ++turn) {
            this_coroutine::yield();
        }
        return std::pair(most, data_in_use());
    });
    EXPECT_GE(deep, 1024u);
    EXPECT_LE(later, 2048u);
}

// ---- Numbers ------------------------------------------------------------------------------------------------------

std::atomic<std::uint64_t> expected{0};

// Keeps addresses of the stack, as numbers, in registers and words across a move.
[[gnu::noinline]] bool hold_numbers(std::uint64_t base) {
    expected.store(base);
    std::uint64_t a = base;
    std::uint64_t b = base + 8;
    std::uint64_t c = base + 16;
    std::uint64_t d = base + 24;
    std::uint64_t e = base + 32;
    std::uint64_t f = base + 40;
    std::uint64_t g = base + 48;
    std::uint64_t h = base + 56;
    std::uint64_t i = base + 64;
    std::uint64_t j = base + 72;
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h), "+r"(i), "+r"(j));
    volatile std::uint64_t in_memory = base + 80;
    bool arguments = false;
    const bool frames = test::below_control_frame<800>(base, [&arguments] {
        static_cast<void>(grow_by_kibibytes(10));
        arguments = true;
    });
    const std::uint64_t was = expected.load();
    return frames && arguments && a == was && b == was + 8 && c == was + 16 && d == was + 24 && e == was + 32 &&
           f == was + 40 && g == was + 48 && h == was + 56 && i == was + 64 && j == was + 72 && in_memory == was + 80;
}

TEST(covered_code, no_number_changes_that_looks_like_an_address) {
    for (std::int64_t offset = -1024; offset < 1536; offset += 8) {
        const auto seen = on_movable([offset] {
            const std::uint64_t close = test::stack_pointer() + static_cast<std::uint64_t>(offset);
            const bool same = hold_numbers(close);
            return std::pair(same, this_coroutine::stack_copies());
        });
        EXPECT_TRUE(seen.first) << offset;
        EXPECT_GE(seen.second, 1u);
    }
}

TEST(covered_code, a_move_in_it_changes_frame_pointers_only) {
    const auto [moves, words] = on_movable([] {
        const auto& here = *sched::worker::current();
        const std::uint64_t before = here.mover().words_changed.value();
        const std::uint64_t copies = this_coroutine::stack_copies();
        grow();
        return std::pair(this_coroutine::stack_copies() - copies, here.mover().words_changed.value() - before);
    });
    EXPECT_GE(moves, 1u);
    EXPECT_EQ(words, 0u) << "optimised code has no frame pointers";
}

// ---- The end of a segment ------------------------------------------------------------------------------------------

void write_at_the_end(std::int64_t offset, const char* debug) {
    ::_putenv_s("MOOR_DEBUG", debug);
    on_movable(
        [offset] {
            const std::uint64_t lowest = win::teb::read(win::teb::field::deallocation_stack);
            *reinterpret_cast<volatile std::uint64_t*>(lowest + static_cast<std::uint64_t>(offset)) = 1;
            this_coroutine::yield();
        },
        {.name = "writer"});
}
const test::scenario overrun("overrun", [] { write_at_the_end(0, ""); });
const test::scenario guarded("guarded", [] { write_at_the_end(-8, "stack_guard=1,exception_room=1"); });

TEST(end_of_segment, is_looked_at_when_the_coroutine_suspends) {
    const auto end = test::run_in_child(overrun);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("'writer' has written beyond the end of its stack"),
                                        HasSubstr("moor::on_system_stack")));
}
TEST(end_of_segment, is_inaccessible_with_stack_guard) {
    const auto end = test::run_in_child(guarded);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 0xc0000005u);
}

} // namespace
} // namespace moor
