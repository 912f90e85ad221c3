// Finding functions in sorted tables, and in those that a linker has left unsorted.
#include "unwind/function_table.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/seed.hpp"

namespace moor::unwind {
namespace {

// Two that touch, then a gap, then another.
constexpr std::array sorted_entries{function_entry{0x1000, 0x1010, 1}, function_entry{0x1010, 0x1011, 2},
                                    function_entry{0x1020, 0x1030, 3}};

std::uint32_t found_at(const function_table& table, std::uint32_t rva) {
    const function_entry* const entry = table.find(rva);
    return entry == nullptr ? 0 : entry->unwind;
}

void expect_to_find_all(const function_table& table) {
    EXPECT_EQ(found_at(table, 0), 0u);
    EXPECT_EQ(found_at(table, 0xfff), 0u);
    EXPECT_EQ(found_at(table, 0x1000), 1u);
    EXPECT_EQ(found_at(table, 0x100f), 1u);
    EXPECT_EQ(found_at(table, 0x1010), 2u);
    EXPECT_EQ(found_at(table, 0x1011), 0u) << "a gap";
    EXPECT_EQ(found_at(table, 0x101f), 0u) << "a gap";
    EXPECT_EQ(found_at(table, 0x1020), 3u);
    EXPECT_EQ(found_at(table, 0x102f), 3u);
    EXPECT_EQ(found_at(table, 0x1030), 0u);
    EXPECT_EQ(found_at(table, UINT32_MAX), 0u);
}

TEST(function_table, uses_a_sorted_table_in_place) {
    const function_table table(sorted_entries);
    EXPECT_TRUE(table.was_sorted());
    EXPECT_EQ(table.entries().data(), sorted_entries.data());
    expect_to_find_all(table);
}

TEST(function_table, passes_over_padding_at_the_end) {
    std::vector<function_entry> padded(sorted_entries.begin(), sorted_entries.end());
    padded.resize(10);
    const function_table table(padded);
    EXPECT_TRUE(table.was_sorted());
    EXPECT_EQ(table.entries().size(), sorted_entries.size());
    expect_to_find_all(table);
    EXPECT_TRUE(function_table(std::span(padded).last(7)).entries().empty());
}

TEST(function_table, sorts_a_copy_of_an_unsorted_table_and_says_so) {
    const auto by_name = [](const function_entry& one, const function_entry& other) {
        return one.unwind < other.unwind;
    };
    auto order = sorted_entries;
    while (std::next_permutation(order.begin(), order.end(), by_name)) {
        const auto before = order;
        function_table table(order);
        EXPECT_FALSE(table.was_sorted());
        EXPECT_NE(table.entries().data(), order.data());
        EXPECT_TRUE(is_sorted(table.entries()));
        expect_to_find_all(table);
        const function_table moved = std::move(table);
        EXPECT_FALSE(moved.was_sorted());
        expect_to_find_all(moved);
        for (std::size_t index = 0; index != before.size(); ++index) {
            EXPECT_EQ(order[index].begin, before[index].begin) << "the image's own table is not written to";
        }
    }
}

TEST(function_table, is_empty_without_entries) {
    EXPECT_TRUE(function_table().was_sorted());
    EXPECT_EQ(function_table().find(0), nullptr);
    EXPECT_EQ(function_table(std::vector<function_entry>{}).find(0x1000), nullptr);
}

TEST(is_sorted, demands_that_no_entry_begins_before_the_last_one_ends) {
    using entries = std::vector<function_entry>;
    EXPECT_TRUE(is_sorted({}));
    EXPECT_TRUE(is_sorted(entries{{0, 1, 0}}));
    EXPECT_TRUE(is_sorted(entries{{0, 1, 0}, {1, UINT32_MAX, 0}}));
    EXPECT_FALSE(is_sorted(entries{{1, 1, 0}})) << "no byte";
    EXPECT_FALSE(is_sorted(entries{{2, 1, 0}})) << "ends before it begins";
    EXPECT_FALSE(is_sorted(entries{{0, 2, 0}, {1, 3, 0}})) << "overlap";
    EXPECT_FALSE(is_sorted(entries{{0, 1, 0}, {0, 1, 0}})) << "twice";
    EXPECT_FALSE(is_sorted(entries{{4, 6, 0}, {1, 2, 0}})) << "in the wrong order";
}

TEST(function_table, finds_the_same_as_a_search_from_the_first_to_the_last) {
    std::mt19937 random(moor::test::test_seed());
    for (unsigned round = 0; round != 50; ++round) {
        std::vector<function_entry> entries;
        std::uint32_t at = 0;
        const unsigned count = random() % 40;
        for (unsigned index = 0; index != count; ++index) {
            const std::uint32_t begin = at + random() % 3;
            at = begin + 1 + random() % 4;
            entries.push_back({begin, at, index + 1});
        }
        if (round % 2 != 0) {
            std::shuffle(entries.begin(), entries.end(), random);
        }
        const function_table table(entries);
        for (std::uint32_t rva = 0; rva != at + 3; ++rva) {
            const auto slow =
                std::find_if(entries.begin(), entries.end(), [&](auto& each) { return each.contains(rva); });
            EXPECT_EQ(found_at(table, rva), slow == entries.end() ? 0 : slow->unwind);
        }
    }
}

} // namespace
} // namespace moor::unwind
