// Growth at the call itself, when the arguments are still where the convention put them: every register and stack
// position, by value and by reference, hidden result pointers and `this`. Each function is first called on a plain
// thread, where nothing moves; on a movable stack it has to return the same.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include <emmintrin.h>
#include <gtest/gtest.h>

#include "stack/on_movable.hpp"

namespace moor {
namespace {

using test::large_local;
using test::mixed;

/// Calls `call` here and on a fresh movable stack, where the callee's check has to move the stack exactly once.
template <class Call>
void expect_same_when_it_grows(Call call) {
    struct seen {
        std::uint64_t result;
        std::uint64_t moves;
    };
    const std::uint64_t expected = call();
    const seen found = test::on_movable([call] {
        const std::uint64_t before = this_coroutine::stack_copies();
        const std::uint64_t result = call();
        return seen{result, this_coroutine::stack_copies() - before};
    });
    EXPECT_EQ(found.result, expected);
    if (test::moves_without_need()) {
        EXPECT_GE(found.moves, 1u);
    } else {
        EXPECT_EQ(found.moves, 1u);
    }
}

[[gnu::noinline]] std::uint64_t integers(std::uint8_t a, std::int16_t b, std::uint32_t c, std::int64_t d,
                                         std::uint64_t e, std::int8_t f, std::uint16_t g, std::int32_t h, bool i,
                                         std::uint64_t j) {
    const large_local local;
    return (mixed() << a << b << c << d << e << f << g << h << i << j).value();
}
TEST(growth_arguments, integers_in_registers_and_on_the_stack) {
    expect_same_when_it_grows([] {
        return integers(200, -3, 0xfedcba98u, -0x123456789abcdefll, 0x8877665544332211ull, -5, 65'000, -70'000, true,
                        ~0ull);
    });
}

[[gnu::noinline]] std::uint64_t floating(double a, float b, double c, float d, double e, float f, double g) {
    const large_local local;
    mixed sum;
    for (const double each : {a, double{b}, c, double{d}, e, double{f}, g}) {
        sum << std::bit_cast<std::uint64_t>(each);
    }
    return sum.value();
}
TEST(growth_arguments, floating_point_in_registers_and_on_the_stack) {
    expect_same_when_it_grows([] { return floating(1.5, -2.25f, 3e300, 4e-30f, -5.125, 6.5f, 7e-300); });
}

// Each position is an integer or a vector register, and the other one of the two holds something else.
[[gnu::noinline]] std::uint64_t alternating(std::uint64_t a, double b, std::uint64_t c, double d, double e,
                                            std::uint64_t f) {
    const large_local local;
    return (mixed() << a << std::bit_cast<std::uint64_t>(b) << c << std::bit_cast<std::uint64_t>(d)
                    << std::bit_cast<std::uint64_t>(e) << f)
        .value();
}
TEST(growth_arguments, integers_and_floating_point_in_turn) {
    expect_same_when_it_grows([] { return alternating(11, 2.5, 13, 4.5, 5.5, 16); });
}

struct in_register {
    std::uint32_t low;
    std::uint32_t high;
};
struct behind_pointer { // by value in the language, behind a pointer to the caller's frame by the convention
    std::array<std::uint64_t, 5> words;
};
[[gnu::noinline]] std::uint64_t structures(in_register a, behind_pointer b, in_register c,
                                           behind_pointer d,                  // registers
                                           behind_pointer e, in_register f) { // the stack
    const large_local local;
    b.words[0] += 1; // its own copy
    mixed sum;
    for (const auto& each : {a, c, f}) {
        sum << each.low << each.high;
    }
    for (const behind_pointer* each : {&b, &d, &e}) {
        for (const std::uint64_t word : each->words) {
            sum << word;
        }
    }
    return sum.value();
}
TEST(growth_arguments, structures_by_value) {
    expect_same_when_it_grows([] {
        const behind_pointer kept{{1, 2, 3, 4, 5}};
        const std::uint64_t result =
            structures({6, 7}, kept, {8, 9}, {{10, 11, 12, 13, 14}}, {{15, 16, 17, 18, 19}}, {20, 21});
        return (mixed() << result << kept.words[0]).value();
    });
}

[[gnu::noinline]] std::uint64_t references(std::uint64_t& a, const double& b, behind_pointer& c, const in_register& d,
                                           std::uint64_t& e, std::uint64_t*& f) {
    const large_local local;
    a += 1;
    c.words[4] = a;
    e = c.words[0];
    *f += 5; // a pointer on the stack to a pointer on the stack to a number on the stack
    f = &e;
    return (mixed() << a << std::bit_cast<std::uint64_t>(b) << d.low << d.high).value();
}
TEST(growth_arguments, references_to_the_callers_frame) {
    expect_same_when_it_grows([] {
        std::uint64_t a = 1;
        double b = 2.5;
        behind_pointer c{{3, 4, 5, 6, 7}};
        in_register d{8, 9};
        std::uint64_t e = 10;
        std::uint64_t counted = 11;
        std::uint64_t* f = &counted;
        const std::uint64_t result = references(a, b, c, d, e, f);
        *f += 100;
        return (mixed() << result << a << c.words[4] << e << counted << (f == &e)).value();
    });
}

[[gnu::noinline]] behind_pointer hidden_result(std::uint64_t seed, double other) {
    const large_local local;
    behind_pointer made;
    for (std::uint64_t& word : made.words) {
        word = seed = seed * 5 + std::bit_cast<std::uint64_t>(other);
    }
    return made;
}
TEST(growth_arguments, hidden_result_pointers) {
    expect_same_when_it_grows([] {
        const behind_pointer result = hidden_result(7, 1.5);
        mixed sum;
        for (const std::uint64_t word : result.words) {
            sum << word;
        }
        return sum.value();
    });
}

class counter_on_stack {
public:
    explicit counter_on_stack(std::uint64_t start) noexcept : value_(start), self_(this) {}
    [[gnu::noinline]] behind_pointer add(std::uint64_t a, double b, const std::uint64_t& c, std::uint64_t d) {
        const large_local local;
        value_ += a + static_cast<std::uint64_t>(b) + c + d;
        return {{value_, a, c, d, self_ == this}};
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_;
    counter_on_stack* self_;
};
TEST(growth_arguments, this_with_a_hidden_result_pointer_and_more) {
    expect_same_when_it_grows([] {
        counter_on_stack counter(1);
        const std::uint64_t c = 30;
        const behind_pointer result = counter.add(2, 3.5, c, 40);
        return (mixed() << counter.value() << result.words[0] << result.words[1] << result.words[2] << result.words[3]
                        << result.words[4])
            .value();
    });
}

std::uint64_t bits_of(__m128i vector) noexcept {
    const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(vector);
    return (mixed() << halves[0] << halves[1]).value();
}
bool is_aligned(const void* address, std::uintptr_t to) noexcept {
    return reinterpret_cast<std::uintptr_t>(address) % to == 0;
}

[[gnu::noinline]] std::uint64_t vectors(__m128i a, __m128i b, std::uint64_t c, __m128i d, __m128i e, __m128d f) {
    const large_local local;
    alignas(16) __m128i sum = _mm_add_epi64(a, _mm_sub_epi64(b, _mm_add_epi64(d, e)));
    test::keep(sum);
    return (mixed() << bits_of(sum) << bits_of(_mm_castpd_si128(f)) << c << is_aligned(&sum, 16) << is_aligned(&a, 16))
        .value();
}
TEST(growth_arguments, vectors_of_16_bytes) {
    expect_same_when_it_grows([] {
        return vectors(_mm_set_epi64x(1, 2), _mm_set_epi64x(3, 4), 5, _mm_set_epi64x(6, 7), _mm_set_epi64x(8, 9),
                       _mm_set_pd(1.5, 2.5));
    });
}

// Vectors in their registers, six of them.
[[gnu::noinline]] __m128i __vectorcall in_vector_registers(__m128i a, __m128i b, __m128d c, std::uint64_t d, __m128i e,
                                                           __m128i f, __m128i g) {
    const large_local local;
    __m128i sum = _mm_add_epi64(a, _mm_castpd_si128(c));
    sum = _mm_xor_si128(_mm_slli_epi64(sum, 3), b);
    sum = _mm_xor_si128(_mm_slli_epi64(sum, 3), e);
    sum = _mm_xor_si128(_mm_slli_epi64(sum, 3), _mm_sub_epi64(f, g));
    return _mm_add_epi64(sum, _mm_set1_epi64x(static_cast<std::int64_t>(d)));
}
TEST(growth_arguments, vectorcall) {
    expect_same_when_it_grows([] {
        return bits_of(in_vector_registers(_mm_set_epi64x(1, 2), _mm_set_epi64x(3, 4), _mm_set_pd(1.5, 2.5), 5,
                                           _mm_set_epi64x(6, 7), _mm_set_epi64x(8, 9), _mm_set_epi64x(10, 11)));
    });
}

// More alignment than the stack has by itself: the frame is aligned by its function, and has to be so after a move.
template <std::size_t Alignment>
[[gnu::noinline]] std::uint64_t aligned_frame(std::uint64_t value) {
    struct alignas(Alignment) block {
        std::array<std::uint64_t, Alignment / 8> words;
    } local;
    test::keep(local);
    local.words[0] = value;
    const std::uint64_t below = value == 0 ? hidden_result(1, 2.5).words[4] : aligned_frame<Alignment>(value - 1);
    return (mixed() << below << local.words[0] << is_aligned(&local, Alignment)).value();
}
TEST(growth_arguments, frames_of_higher_alignment) {
    EXPECT_EQ(test::on_movable([] { return aligned_frame<32>(5); }), aligned_frame<32>(5));
    EXPECT_EQ(test::on_movable([] { return aligned_frame<64>(5); }), aligned_frame<64>(5));
    EXPECT_EQ(test::on_movable([] { return aligned_frame<256>(5); }), aligned_frame<256>(5));
    EXPECT_EQ(test::on_movable([] { return aligned_frame<1024>(5); }), aligned_frame<1024>(5));
}

// Most of them on the stack.
template <std::size_t... Index>
[[gnu::noinline]] std::uint64_t many(std::index_sequence<Index...>, decltype(Index)... arguments) {
    const large_local local;
    mixed sum;
    ((sum << arguments), ...);
    return sum.value();
}
template <std::size_t... Index>
std::uint64_t call_many(std::index_sequence<Index...> all) {
    return many(all, (Index * 0x0101010101010101ull)...);
}
TEST(growth_arguments, sixty_of_them) {
    expect_same_when_it_grows([] { return call_many(std::make_index_sequence<60>()); });
}

} // namespace
} // namespace moor
