// See workload.hpp.
#include "unwind/workload.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <set>

#include "win/compiler.hpp"
#include "win/windows.hpp"

#if defined(_MSC_VER)
#include <malloc.h>
#endif

namespace moor::unwind::test {
namespace {

volatile unsigned sink = 0;
volatile double factor = 1.25;

MOOR_NOINLINE unsigned leaf(unsigned value) { return value * 3 + 1; }

MOOR_NOINLINE unsigned recursion(unsigned depth, unsigned a, unsigned b, unsigned c) {
    if (depth == 0) {
        return leaf(a) + b + c;
    }
    const unsigned below = recursion(depth - 1, b ^ depth, c + a, a);
    return leaf(below) + leaf(a) * b + c;
}

MOOR_NOINLINE unsigned variable_frame(unsigned size) {
#if defined(_MSC_VER)
    auto* const bytes = static_cast<volatile unsigned char*>(_alloca(size));
#else
    auto* const bytes = static_cast<volatile unsigned char*>(__builtin_alloca(size));
#endif
    unsigned sum = 0;
    for (unsigned index = 0; index < size; index += 8) {
        bytes[index] = static_cast<unsigned char>(leaf(index));
        sum += bytes[index];
    }
    return sum + (size > 32 ? variable_frame(size / 2) : 0);
}

MOOR_NOINLINE unsigned large_frame(unsigned value) {
    std::array<volatile unsigned, 3000> words;
    words[value % 3000] = leaf(value);
    words[17] = value;
    return words[value % 3000] + leaf(words[17]);
}

MOOR_NOINLINE double vectors(double a, double b, double c, unsigned depth) {
    const double d = a * factor + b;
    const double e = b * factor + c;
    const double f = c * factor + a;
    if (depth == 0) {
        return d + e + f;
    }
    const double below = vectors(d, e, f, depth - 1);
    return below * 0.5 + d * e - f;
}

MOOR_NOINLINE unsigned tail_end(unsigned value, unsigned other) { return leaf(value) ^ other; }

MOOR_NOINLINE unsigned tail_call(unsigned value, unsigned other) {
    const unsigned mixed = leaf(value) + leaf(other);
    return tail_end(mixed, other);
}

unsigned (*volatile tail_target)(unsigned, unsigned) = &tail_end;

MOOR_NOINLINE unsigned tail_call_by_pointer(unsigned value, unsigned other) {
    const unsigned mixed = leaf(value) + leaf(other);
    return tail_target(mixed, other);
}

MOOR_NOINLINE unsigned sorting(unsigned seed) {
    std::array<unsigned, 12> numbers{};
    for (unsigned& each : numbers) {
        each = seed = seed * 1103515245 + 12345;
    }
    std::sort(numbers.begin(), numbers.end(), [](unsigned one, unsigned other) { return leaf(one) < leaf(other); });
    return numbers[5];
}

// The tree's balancing and the memory resource lie in the C++ library.
MOOR_NOINLINE unsigned library_code(unsigned seed) {
    std::array<std::byte, 2048> buffer;
    std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
    std::pmr::set<unsigned> numbers(&memory);
    for (unsigned index = 0; index != 12; ++index) {
        numbers.insert(seed * index % 31);
    }
    return *numbers.begin() + static_cast<unsigned>(numbers.size());
}

} // namespace

inline namespace MOOR_TEST_WORKLOAD {

MOOR_NOINLINE unsigned run_workload(unsigned rounds) {
    unsigned sum = 0;
    for (unsigned round = 0; round != rounds; ++round) {
        sum += recursion(8, round, sum, 3);
        sum += variable_frame(200);
        sum += large_frame(round);
        sum += static_cast<unsigned>(vectors(1, 2, round, 4));
        sum += tail_call(round, sum) + tail_call_by_pointer(sum, round);
        sum += sorting(round + 1);
        sum += library_code(round + 7);
    }
    return sum;
}

MOOR_NOINLINE void run_workload_until(const std::atomic<bool>& stop, std::atomic<unsigned>& done) {
    while (!stop) {
        sink = run_workload(1);
        ++done;
    }
}

MOOR_NOINLINE unsigned run_nested(unsigned depth, unsigned value, const nesting& by) {
    if (depth == 0) {
        return run_workload(1) + value;
    }
    const unsigned below = by.functions[depth % 2](depth - 1, leaf(value), by);
    return leaf(below) ^ variable_frame(40 + depth) ^ value;
}

} // namespace MOOR_TEST_WORKLOAD
} // namespace moor::unwind::test
