// What write_loops.cpp's programs are made of: the types of elements, what a loop calls in its turns, and the list that
// a written file ends with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace moor::test {

/// One loop over local arrays of its own; the result depends on all that it wrote and on the order of its calls.
struct random_loop {
    std::uint64_t (*run)();
    const char* name;
};

/// The loops of one file. Static objects: the constructor adds them to a list, those with stack checks to another than
/// the same loops without.
class random_loops {
public:
    random_loops(bool has_checks, std::uint32_t seed, std::span<const random_loop> loops);

    [[nodiscard]] std::uint32_t seed() const noexcept { return seed_; }
    [[nodiscard]] std::span<const random_loop> loops() const noexcept { return loops_; }

    /// All files in the order of their seeds.
    [[nodiscard]] static std::span<const random_loops* const> all(bool has_checks);

private:
    std::uint32_t seed_;
    std::span<const random_loop> loops_;
};

// Elements of sizes that are no power of two, and one that is aligned more than a stack is.
struct triple {
    std::uint64_t first, value, last;
};
struct quintuple {
    std::uint64_t first, second, third, value, last;
};
struct alignas(64) line {
    std::uint64_t value;
};

/// Elements of each array; no index of a written loop reaches it.
inline constexpr std::size_t loop_elements = 160;

// Bounds and factors that the compiler does not know. Loops count from `lowest` to `highest`; nobody writes them.
extern volatile unsigned lowest;
extern volatile unsigned highest;
extern volatile unsigned unknown_stride;
extern volatile unsigned unknown_factor;
extern volatile unsigned unknown_width;
extern volatile std::size_t unknown_elements;
inline constexpr unsigned known_lowest = 20'000;
inline constexpr unsigned known_highest = 20'030;

/// What loops read beside their arrays; as long as the highest bound.
extern std::uint64_t read_by_loops[known_highest + 1];

/// Called in each turn: remembers the value, and now and then goes deep or suspends.
void called(std::uint64_t value);

/// What the calls since begin_loop() amount to.
[[nodiscard]] std::uint64_t calls_so_far() noexcept;
void begin_loop() noexcept;

} // namespace moor::test
