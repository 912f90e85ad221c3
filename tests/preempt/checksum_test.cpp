// A job whose every step depends on all before it, in integers, doubles and vectors: one wrong bit at one of very many
// preemptions gives another sum.
#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "preempt/preempted_state.hpp"
#include "preempt/under_storm.hpp"
#include "win/compiler.hpp"

// These compilers know instructions of some processors only in functions that ask for them.
#if defined(__clang__) || defined(__GNUC__)
#define MOOR_TEST_AVX2 __attribute__((target("avx2")))
#else
#define MOOR_TEST_AVX2
#endif

namespace moor {
namespace {

constexpr std::uint64_t preemptions = 5000; // cmake/nightly.cmake: ten times as many
constexpr unsigned workers = 2;
constexpr unsigned jobs_per_kind = 2;

// Some milliseconds each.
constexpr std::uint64_t rounds = 3'000'000;

std::uint64_t of_integers(std::uint64_t seed) {
    std::uint64_t one = seed;
    std::uint64_t two = ~seed;
    for (std::uint64_t round = 0; round != rounds; ++round) {
        one = one * 6364136223846793005u + (two >> 7);
        two = (two << 9 | two >> 55) ^ one;
    }
    return one ^ two;
}

std::uint64_t of_doubles(std::uint64_t seed) {
    double one = static_cast<double>(seed % 1000) + 0.5;
    double two = 1.0 / 3;
    double three = 0;
    for (std::uint64_t round = 0; round != rounds; ++round) {
        one = one * 0.9997 + two;
        two = two * 0.75 + 1.0 / (one + 1.0);
        three = three * 0.5 + one - two;
    }
    return static_cast<std::uint64_t>((one + two + three) * 1e12);
}

MOOR_TEST_AVX2 std::uint64_t of_vectors(std::uint64_t seed) {
    __m256i one = _mm256_set1_epi64x(static_cast<long long>(seed));
    __m256i two = _mm256_set_epi64x(1, 2, 3, 4);
    __m256d three = _mm256_set_pd(0.1, 0.2, 0.3, 0.4);
    for (std::uint64_t round = 0; round != rounds; ++round) {
        one = _mm256_add_epi64(_mm256_mul_epu32(one, two), _mm256_slli_epi64(one, 13));
        two = _mm256_xor_si256(_mm256_permute4x64_epi64(two, 0x39), one);
        three = _mm256_add_pd(_mm256_mul_pd(three, _mm256_set1_pd(0.99)), _mm256_set1_pd(0.01));
    }
    alignas(32) std::uint64_t words[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(words),
                       _mm256_xor_si256(_mm256_xor_si256(one, two), _mm256_castpd_si256(three)));
    return words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7;
}

bool has_avx2() {
    constexpr std::uint64_t vector_state = 6; // of 16 and of 32 bytes
    constexpr std::uint32_t avx2 = 1u << 5u;
    return preempt::preempted_state::possible() && (moor_extended_features() & vector_state) == vector_state &&
           (win::cpuid(7, 0).ebx & avx2) != 0;
}

using job = std::uint64_t (*)(std::uint64_t);

std::vector<job> jobs() {
    std::vector<job> found{&of_integers, &of_doubles};
    if (has_avx2()) {
        found.push_back(&of_vectors);
        return found;
    }
    std::printf("[   note   ] without the vectors: no AVX2\n");
    return found;
}

TEST(checksum, is_the_same_with_very_many_preemptions) {
    runtime running(test::verified_storm(workers));
    const test::until_preempted enough(running, test::scaled(preemptions));
    const auto began = std::chrono::steady_clock::now();
    running.run([&] {
        std::vector<join_handle<std::uint64_t>> all;
        std::uint64_t seed = 0;
        for (unsigned number = 0; number != jobs_per_kind; ++number) {
            for (const job each : jobs()) {
                ++seed;
                const std::uint64_t expected = each(seed); // in no scope: never preempted
                all.push_back(spawn({.preemptible = true}, [&enough, each, seed, expected] {
                    std::uint64_t wrong = 0;
                    while (!enough.over()) {
                        wrong += each(seed) != expected ? 1 : 0;
                    }
                    return wrong;
                }));
            }
        }
        for (auto& each : all) {
            EXPECT_EQ(each.join(), 0u);
        }
    });
    test::print_attempts(running, std::chrono::steady_clock::now() - began);
    EXPECT_TRUE(enough.reached());
}

} // namespace
} // namespace moor
