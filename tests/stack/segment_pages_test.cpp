// The pool under fault_on_free: pages that are the segment's own, gone at once, and not used again for a long time.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "stack/segment_pool.hpp"
#include "support/pages.hpp"
#include "support/seed.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t chunk = segment_pool::chunk_size;
constexpr std::size_t pages_of_chunk = chunk / win::page_size;

segment_pool_options faulting(std::size_t chunks) {
    segment_pool_options options;
    options.address_space = chunks * chunk;
    options.fault_on_free = true;
    return options;
}

TEST(fault_on_free, a_segment_ends_where_its_pages_end) {
    segment_pool pool(faulting(16));
    EXPECT_FALSE(pool.cacheable());
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        const segment taken = pool.take(size);
        ASSERT_TRUE(taken);
        EXPECT_EQ(taken.size, size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken.top()) % win::page_size, 0u);
        std::memset(taken.base, 0xcd, size);
        EXPECT_FALSE(test::has_memory(taken.top())) << "nobody has the next page yet";
        pool.give(taken);
    }
}

TEST(fault_on_free, what_is_given_back_loses_its_memory_at_once) {
    segment_pool pool(faulting(16));
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        const segment before = pool.take(size);
        const segment taken = pool.take(size);
        const segment after = pool.take(size);
        const std::size_t committed = pool.counters().committed;
        pool.give(taken);
        EXPECT_EQ(committed - pool.counters().committed, std::max(size, win::page_size));
        for (std::size_t offset = 0; offset < size; offset += kibibyte) {
            EXPECT_FALSE(test::has_memory(taken.base + offset));
            EXPECT_TRUE(test::has_memory(before.base + offset));
            EXPECT_TRUE(test::has_memory(after.base + offset));
        }
        pool.give(before);
        pool.give(after);
    }
    EXPECT_EQ(pool.counters().in_use(), 0u);
}

TEST(fault_on_free, addresses_come_again_only_after_all_others) {
    constexpr std::size_t chunks = 9; // no multiple of the four that share a word
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        segment_pool pool(faulting(chunks));
        const std::size_t all = chunks * chunk / std::max(size, win::page_size);
        const segment held = pool.take(size);
        for (int lap = 0; lap != 3; ++lap) {
            std::set<std::byte*> seen{held.base};
            for (std::size_t index = 1; index != all; ++index) {
                const segment taken = pool.take(size);
                ASSERT_TRUE(taken);
                ASSERT_TRUE(seen.insert(taken.base).second) << "too early, after " << index;
                pool.give(taken);
            }
        }
    }
}

TEST(fault_on_free, no_other_size_gets_them_earlier) {
    segment_pool pool(faulting(2));
    const segment held = pool.take(16 * kibibyte);
    const segment small = pool.take(kibibyte);
    pool.give(small);
    const segment large = pool.take(8 * kibibyte);
    EXPECT_GE(large.base, small.top());
    pool.give(large);
    EXPECT_GE(pool.take(kibibyte).base, large.top());
    EXPECT_GE(pool.take(64 * kibibyte).base, held.base + chunk);
}

#if !defined(_WIN32)
TEST(fault_on_free, loses_nothing_when_the_system_refuses_memory_for_a_while) {
    segment_pool pool(faulting(1));
    const segment first = pool.take(32 * kibibyte);
    test::refuse_memory(true);
    EXPECT_FALSE(pool.take(32 * kibibyte));
    EXPECT_EQ(pool.counters().in_use(), 1u);
    test::refuse_memory(false);
    EXPECT_EQ(pool.take(32 * kibibyte).base, first.top());
}
#endif

TEST(fault_on_free, is_empty_when_the_space_is_used_up) {
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        segment_pool pool(faulting(9));
        std::vector<segment> all;
        while (const segment taken = pool.take(size)) {
            all.push_back(taken);
        }
        EXPECT_EQ(all.size(), 9 * chunk / std::max(size, win::page_size));
        pool.give(all[all.size() / 2]);
        EXPECT_EQ(pool.take(size).base, all[all.size() / 2].base);
        EXPECT_FALSE(pool.take(size));
    }
}

TEST(fault_on_free, survives_that_the_system_has_no_memory) {
    segment_pool_options options = faulting(16);
    std::size_t bookkeeping = 0;
    {
        segment_pool pool(options);
        static_cast<void>(pool.take(4 * kibibyte));
        bookkeeping = pool.counters().committed - win::page_size;
    }
    options.most_committed = bookkeeping + 3 * win::page_size;
    segment_pool pool(options);
    const segment first = pool.take(8 * kibibyte);
    ASSERT_TRUE(first);
    EXPECT_FALSE(pool.take(8 * kibibyte));
    EXPECT_TRUE(pool.take(4 * kibibyte));
    EXPECT_FALSE(pool.take(kibibyte));
    pool.give(first);
    EXPECT_TRUE(pool.take(8 * kibibyte));
    options.most_committed = bookkeeping - 1;
    segment_pool none(options);
    EXPECT_FALSE(none.take(kibibyte)) << "not even the bookkeeping fits";
}

TEST(fault_on_free, goes_on_in_the_next_piece_and_begins_again_where_somebody_else_has_it) {
    segment_pool_options options = faulting(4);
    options.piece = chunk;
    segment_pool pool(options);
    const segment first = pool.take(64 * kibibyte);
    ASSERT_TRUE(first);
    auto other = win::address_space::at(first.base + 2 * chunk, chunk);
    ASSERT_TRUE(other);
    const segment second = pool.take(64 * kibibyte);
    EXPECT_EQ(second.base, first.base + chunk);
    std::memset(second.base, 0xcd, second.size);
    pool.give(first);
    EXPECT_EQ(pool.take(64 * kibibyte).base, first.base);
    EXPECT_FALSE(pool.take(kibibyte));
}

TEST(fault_on_free, segments_of_all_sizes_share_the_space) {
    std::mt19937 random(test::test_seed());
    constexpr std::size_t chunks = 20;
    segment_pool pool(faulting(chunks));
    std::map<std::byte*, segment> held; // by the first of its pages
    std::size_t pages_held = 0;
    for (int round = 0; round != 5000; ++round) {
        const std::size_t size = segment_size(random() % segment_classes);
        const std::size_t bytes = std::max(size, win::page_size);
        const bool takes = random() % 100 < (round / 500 % 2 == 0 ? 75u : 25u);
        if (takes) {
            const segment taken = pool.take(size);
            if (!taken) {
                ASSERT_GT(pages_held + bytes / win::page_size, chunks * pages_of_chunk / 4) << "there is much room";
                continue;
            }
            std::byte* const first = taken.top() - bytes;
            const auto above = held.lower_bound(first);
            ASSERT_TRUE(above == held.end() || above->first >= taken.top());
            if (above != held.begin()) {
                ASSERT_LE(std::prev(above)->second.top(), first);
            }
            std::memset(taken.base, static_cast<int>(size / kibibyte), size);
            held.emplace(first, taken);
            pages_held += bytes / win::page_size;
        } else if (!held.empty()) {
            auto chosen = held.begin();
            std::advance(chosen, random() % held.size());
            const segment given = chosen->second;
            const auto mark = static_cast<std::byte>(given.size / kibibyte);
            ASSERT_TRUE(std::all_of(given.base, given.top(), [mark](std::byte each) { return each == mark; }));
            pages_held -= std::max(given.size, win::page_size) / win::page_size;
            pool.give(given);
            ASSERT_FALSE(test::has_memory(given.base));
            held.erase(chosen);
        }
    }
    EXPECT_EQ(pool.counters().in_use(), held.size());
}

} // namespace
} // namespace moor::stack
