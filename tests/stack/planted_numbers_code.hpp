// The code of planted_numbers.hpp: included by the file that compiles it in one way, in a namespace of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "stack/planted_numbers.hpp"

namespace moor::test::planted {
namespace {

// Not on the stack.
std::atomic<std::uint64_t> planted_first{0};
std::uint64_t planted(unsigned index) noexcept { return planted_first.load() + 8 * std::uint64_t{index}; }

using two_words = unsigned long long __attribute__((vector_size(16)));

struct by_value {
    std::array<std::uint64_t, 5> words;
};

// More than the processor has for a call to keep: the compiler spills the others.
[[gnu::noinline]] bool in_registers(std::uint64_t first, mover move) {
    std::uint64_t a = first, b = first + 8, c = first + 16, d = first + 24, e = first + 32, f = first + 40;
    std::uint64_t g = first + 48, h = first + 56, i = first + 64, j = first + 72, k = first + 80, l = first + 88;
    asm volatile(""
                 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h), "+r"(i), "+r"(j), "+r"(k),
                   "+r"(l));
    move();
    const bool same =
        a == planted(0) && b == planted(1) && c == planted(2) && d == planted(3) && e == planted(4) && f == planted(5);
    return same && g == planted(6) && h == planted(7) && i == planted(8) && j == planted(9) && k == planted(10) &&
           l == planted(11);
}

[[gnu::noinline]] bool in_vectors(std::uint64_t first, mover move) {
    two_words a{first, first + 8}, b{first + 16, first + 24}, c{first + 32, first + 40}, d{first + 48, first + 56};
    two_words e{first + 64, first + 72}, f{first + 80, first + 88}, g{first + 96, first + 104};
    two_words h{first + 112, first + 120}, i{first + 128, first + 136}, j{first + 144, first + 152};
    two_words k{first + 160, first + 168}, l{first + 176, first + 184};
    asm volatile(""
                 : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h), "+x"(i), "+x"(j), "+x"(k),
                   "+x"(l));
    move();
    bool same = true;
    unsigned index = 0;
    for (const two_words& each : {a, b, c, d, e, f, g, h, i, j, k, l}) {
        same &= each[0] == planted(index) && each[1] == planted(index + 1);
        index += 2;
    }
    return same;
}

// The pass leaves the first kind on the stack that moves, and the others not.
[[gnu::noinline]] bool in_locals(std::uint64_t first, mover move) {
    volatile std::uint64_t word = first;
    volatile std::uint32_t lower = static_cast<std::uint32_t>(first + 8);
    volatile std::uint32_t upper = static_cast<std::uint32_t>((first + 8) >> 32);
    volatile std::uint64_t other = first + 16;
    std::array<volatile std::uint64_t, 6> in_array{first, first + 8, first + 16, first + 24, first + 32, first + 40};
    asm volatile("" : : "r"(&in_array) : "memory");
    move();
    bool same = word == planted(0) && (std::uint64_t{upper} << 32 | lower) == planted(1) && other == planted(2);
    for (unsigned index = 0; index != in_array.size(); ++index) {
        same &= in_array[index] == planted(index);
    }
    return same;
}

[[gnu::noinline]] bool of_arguments(mover move, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d,
                                    std::uint64_t e, std::uint64_t f, std::uint64_t g, std::uint64_t h,
                                    by_value by_address, std::uint64_t i) {
    move();
    bool same = a == planted(0) && b == planted(1) && c == planted(2) && d == planted(3) && e == planted(4) &&
                f == planted(5) && g == planted(6) && h == planted(7) && i == planted(8);
    for (unsigned index = 0; index != by_address.words.size(); ++index) {
        same &= by_address.words[index] == planted(index);
    }
    return same;
}

[[gnu::noinline]] bool in_arguments(std::uint64_t first, mover move) {
    const std::uint64_t s = 8;
    return of_arguments(move, first, first + s, first + 2 * s, first + 3 * s, first + 4 * s, first + 5 * s,
                        first + 6 * s, first + 7 * s, {{first, first + s, first + 2 * s, first + 3 * s, first + 4 * s}},
                        first + 8 * s);
}

bool hold(std::uint64_t first, mover move) {
    planted_first.store(first);
    const bool in_frames = in_registers(first, move) && in_vectors(first, move) && in_locals(first, move);
    return in_frames && in_arguments(first, move);
}

} // namespace
} // namespace moor::test::planted
