// Random tests that can be repeated: the seed is printed with the test, and MOOR_TEST_SEED sets it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace moor::test {

/// The seed of this run, recorded in the test's output.
inline std::uint32_t test_seed() {
    const char* const wanted = std::getenv("MOOR_TEST_SEED");
    const std::uint32_t seed =
        wanted != nullptr ? static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10)) : std::random_device{}();
    testing::Test::RecordProperty("seed", std::to_string(seed));
    std::printf("[   seed   ] MOOR_TEST_SEED=%lu\n", static_cast<unsigned long>(seed));
    return seed;
}

} // namespace moor::test
