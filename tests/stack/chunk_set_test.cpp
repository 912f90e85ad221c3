#include "stack/chunk_set.hpp"

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "support/seed.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t capacities[] = {1, 2, 63, 64, 65, 4095, 4096, 4097, 262'144, 300'000, 1'048'576};

TEST(chunk_set, is_empty_at_first) {
    for (const std::size_t capacity : capacities) {
        std::vector<std::uint64_t> words(chunk_set::words_for(capacity));
        const chunk_set empty(words.data(), capacity);
        EXPECT_EQ(empty.size(), 0u);
        EXPECT_EQ(empty.lowest(), chunk_set::none);
        EXPECT_EQ(empty.highest(), chunk_set::none);
        EXPECT_FALSE(empty.contains(capacity - 1));
    }
}

TEST(chunk_set, holds_the_first_and_the_last_number) {
    for (const std::size_t capacity : capacities) {
        std::vector<std::uint64_t> words(chunk_set::words_for(capacity));
        chunk_set numbers(words.data(), capacity);
        numbers.insert(capacity - 1);
        EXPECT_EQ(numbers.lowest(), capacity - 1);
        if (capacity != 1) {
            numbers.insert(0);
        }
        EXPECT_EQ(numbers.lowest(), 0u);
        EXPECT_EQ(numbers.highest(), capacity - 1);
        numbers.erase(capacity - 1);
        EXPECT_EQ(numbers.highest(), capacity == 1 ? chunk_set::none : 0);
    }
}

TEST(chunk_set, agrees_with_a_model) {
    std::mt19937 random(test::test_seed());
    for (const std::size_t capacity : capacities) {
        std::vector<std::uint64_t> words(chunk_set::words_for(capacity));
        chunk_set numbers(words.data(), capacity);
        std::set<std::size_t> model;
        for (int round = 0; round < 4000; ++round) {
            const std::size_t number = random() % capacity;
            ASSERT_EQ(numbers.contains(number), model.count(number) != 0) << capacity;
            // First it fills, then it empties.
            const bool adds = random() % 4 < (round < 2000 ? 3u : 1u);
            if (adds && model.insert(number).second) {
                numbers.insert(number);
            } else if (!adds && !model.empty()) {
                const std::size_t member = *model.lower_bound(number % (*model.rbegin() + 1));
                model.erase(member);
                numbers.erase(member);
            }
            ASSERT_EQ(numbers.size(), model.size()) << capacity;
            ASSERT_EQ(numbers.lowest(), model.empty() ? chunk_set::none : *model.begin()) << capacity;
            ASSERT_EQ(numbers.highest(), model.empty() ? chunk_set::none : *model.rbegin()) << capacity;
        }
    }
}

} // namespace
} // namespace moor::stack
