// Every register that a loop may use is as it was after a preemption, all bits of it, while other coroutines of the
// same worker use the same registers with other values.
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/under_storm.hpp"

extern "C" {
void moor_test_hold_general(const void* values, void* found, std::uint64_t rounds);
void moor_test_hold_flags(const void* values, void* found, std::uint64_t rounds);
void moor_test_hold_xmm(const void* values, void* found, std::uint64_t rounds);
void moor_test_hold_ymm(const void* values, void* found, std::uint64_t rounds);
void moor_test_hold_zmm(const void* values, void* found, std::uint64_t rounds);
void moor_test_hold_mxcsr(const void* values, void* found, std::uint64_t rounds);
void moor_test_hold_x87(const void* values, void* found, std::uint64_t rounds);
}

namespace moor {
namespace {

using values = std::vector<std::uint8_t>;
using hold = void (*)(const void*, void*, std::uint64_t);

constexpr std::uint64_t preemptions = 200;
constexpr unsigned loops = 3;

// Some milliseconds: longer than it takes to be preempted, and short beside what a test may take.
constexpr std::uint64_t rounds = 4'000'000;

values random_bytes(std::size_t count, std::mt19937_64& random) {
    values made(count);
    for (std::uint8_t& each : made) {
        each = static_cast<std::uint8_t>(random());
    }
    return made;
}

// Runs the loops on one worker, each with values of its own. `make` gives them, and what they may differ in is cleared
// by `mask` in both.
template <class Make, class Mask>
void expect_kept(hold function, Make make, Mask mask) {
    runtime running(test::verified_storm(1));
    const test::until_preempted enough(running, test::scaled(preemptions));
    const std::uint64_t differences = running.run([&] {
        std::vector<join_handle<std::uint64_t>> all;
        for (unsigned seed = 1; seed <= loops; ++seed) {
            all.push_back(spawn({.preemptible = true}, [&, seed] {
                std::mt19937_64 random(seed);
                std::uint64_t different = 0;
                while (!enough.over()) {
                    values held = make(random);
                    values found(held.size());
                    function(held.data(), found.data(), rounds);
                    mask(held);
                    mask(found);
                    different += held != found ? 1 : 0;
                }
                return different;
            }));
        }
        std::uint64_t sum = 0;
        for (auto& each : all) {
            sum += each.join();
        }
        return sum;
    });
    EXPECT_EQ(differences, 0u);
    EXPECT_TRUE(enough.reached()) << running.metrics().preemptions << " preemptions";
}

void expect_kept(hold function, std::size_t bytes) {
    expect_kept(
        function, [bytes](std::mt19937_64& random) { return random_bytes(bytes, random); }, [](values&) {});
}

TEST(registers, general) { expect_kept(&moor_test_hold_general, 15 * 8); }

TEST(registers, flags) {
    constexpr std::uint64_t kept = 0xcd5; // carry, parity, adjust, zero, sign, direction, overflow
    expect_kept(
        &moor_test_hold_flags,
        [](std::mt19937_64& random) {
            const std::uint64_t flags = (random() & kept) | 0x202; // interrupts stay enabled
            values made(sizeof flags);
            std::memcpy(made.data(), &flags, sizeof flags);
            return made;
        },
        [](values& seen) {
            std::uint64_t flags = 0;
            std::memcpy(&flags, seen.data(), sizeof flags);
            flags &= kept;
            std::memcpy(seen.data(), &flags, sizeof flags);
        });
}

// A loop that counts down through memory is interrupted; the others run with the convention's state.
TEST(registers, direction_flag_of_one_is_not_seen_by_another) {
    constexpr std::uint64_t direction = 0x400;
    runtime running(test::storm(1));
    const test::until_preempted enough(running, test::scaled(preemptions));
    std::uint64_t seen = 0;
    running.run([&] {
        auto loop = spawn({.preemptible = true}, [&] {
            const std::uint64_t flags = direction | 0x202;
            std::uint64_t found = 0;
            while (!enough.over()) {
                moor_test_hold_flags(&flags, &found, rounds);
            }
        });
        while (!enough.over()) {
            this_coroutine::yield();
            seen += (__builtin_ia32_readeflags_u64() & direction) != 0 ? 1 : 0;
        }
        loop.join();
    });
    EXPECT_TRUE(enough.reached());
    EXPECT_EQ(seen, 0u);
}

TEST(registers, xmm) { expect_kept(&moor_test_hold_xmm, 16 * std::size_t{16}); }

TEST(registers, ymm) {
    if (!__builtin_cpu_supports("avx")) {
        GTEST_SKIP() << "this processor has no AVX";
    }
    expect_kept(&moor_test_hold_ymm, 16 * std::size_t{32});
}

TEST(registers, zmm_and_masks) {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")) {
        GTEST_SKIP() << "this processor has no AVX-512";
    }
    expect_kept(&moor_test_hold_zmm, 32 * std::size_t{64} + 8 * std::size_t{8});
}

TEST(registers, mxcsr) {
    expect_kept(
        &moor_test_hold_mxcsr,
        [](std::mt19937_64& random) {
            // Rounding mode, flush to zero and the flags of what has happened; no exception is unmasked.
            const auto control = static_cast<std::uint32_t>((random() & 0xe03f) | 0x1f80);
            values made(sizeof control);
            std::memcpy(made.data(), &control, sizeof control);
            return made;
        },
        [](values&) {});
}

TEST(registers, x87) {
    expect_kept(
        &moor_test_hold_x87,
        [](std::mt19937_64& random) {
            values made = random_bytes(8 * 10 + 2, random);
            for (std::size_t index = 0; index != 8; ++index) {
                made[index * 10 + 7] |= 0x80; // normal numbers: the integer bit is set, the exponent is not at its end
                made[index * 10 + 9] = static_cast<std::uint8_t>(0x3f | (made[index * 10 + 9] & 0x80));
            }
            const auto control = static_cast<std::uint16_t>((random() & 0xc00) | 0x37f); // a rounding mode
            std::memcpy(made.data() + 80, &control, sizeof control);
            return made;
        },
        [](values&) {});
}

} // namespace
} // namespace moor
