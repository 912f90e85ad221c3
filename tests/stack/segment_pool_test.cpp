// The pool alone: which addresses it gives, when it has no more, and what becomes of memory that comes back.
#include "stack/segment_pool.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "support/pages.hpp"
#include "support/seed.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t chunk = segment_pool::chunk_size;

segment_pool_options small_space(std::size_t chunks) {
    segment_pool_options options;
    options.address_space = chunks * chunk;
    return options;
}

// Takes until there are no more.
std::vector<segment> take_all(segment_pool& pool, std::size_t size) {
    std::vector<segment> all;
    while (const segment taken = pool.take(size)) {
        all.push_back(taken);
    }
    return all;
}

void give_all(segment_pool& pool, const std::vector<segment>& all) {
    for (const segment& each : all) {
        pool.give(each);
    }
}

TEST(rounded_segment_size, is_a_power_of_two_from_1_kib_on) {
    EXPECT_EQ(rounded_segment_size(0), kibibyte);
    EXPECT_EQ(rounded_segment_size(1024), kibibyte);
    EXPECT_EQ(rounded_segment_size(1025), 2 * kibibyte);
    EXPECT_EQ(rounded_segment_size(2048), 2 * kibibyte);
    EXPECT_EQ(rounded_segment_size(33 * kibibyte), 64 * kibibyte);
    EXPECT_EQ(rounded_segment_size(64 * kibibyte + 1), 128 * kibibyte) << "which no segment has";
}

TEST(segment_class, has_one_number_for_each_size) {
    EXPECT_EQ(segment_classes, 7u);
    for (std::size_t number = 0; number != segment_classes; ++number) {
        EXPECT_EQ(segment_class(segment_size(number)), number);
    }
    EXPECT_EQ(segment_size(0), smallest_segment);
    EXPECT_EQ(segment_size(segment_classes - 1), largest_segment);
}

TEST(segment_pool, gives_usable_segments_of_every_size) {
    segment_pool pool;
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        const segment taken = pool.take(size);
        ASSERT_TRUE(taken);
        EXPECT_EQ(taken.size, size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken.base) % size, 0u);
        EXPECT_EQ(taken.top(), taken.base + size);
        std::memset(taken.base, 0xcd, size);
        pool.give(taken);
    }
    EXPECT_EQ(pool.counters().in_use(), 0u);
}

// Memory is neither given nor taken across the border of two pieces.
TEST(segment_pool, goes_on_in_the_next_piece) {
    for (const std::size_t size : {kibibyte, 16 * kibibyte, 64 * kibibyte}) {
        segment_pool_options options = small_space(5);
        options.piece = 2 * chunk;
        options.chunks_per_commit = 3; // more than are left in a piece at times
        segment_pool pool(options);
        const std::vector<segment> all = take_all(pool, size);
        ASSERT_EQ(all.size(), 5 * chunk / size);
        for (const segment& each : all) {
            std::memset(each.base, 0xcd, each.size);
        }
        EXPECT_EQ(all.back().top() - all.front().base, static_cast<std::ptrdiff_t>(5 * chunk));
        give_all(pool, all);
        EXPECT_EQ(pool.counters().in_use(), 0u);
        pool.trim();
        for (const segment& each : all) {
            EXPECT_FALSE(test::has_memory(each.base));
        }
        EXPECT_EQ(take_all(pool, size).size(), all.size()) << "after all memory was taken away";
    }
}

TEST(segment_pool, ends_where_somebody_else_has_the_place) {
    segment_pool_options options = small_space(5);
    options.piece = chunk;
    segment_pool pool(options);
    const segment first = pool.take(64 * kibibyte);
    ASSERT_TRUE(first);
    auto other = win::address_space::at(first.base + 2 * chunk, chunk);
    ASSERT_TRUE(other);
    std::vector<segment> all = take_all(pool, 64 * kibibyte);
    EXPECT_EQ(all.size(), 1u);
    other = {};
    EXPECT_EQ(take_all(pool, 64 * kibibyte).size(), 3u) << "it is free again";
}

TEST(segment_pool, segments_do_not_overlap) {
    segment_pool pool;
    std::vector<segment> all;
    for (std::size_t index = 0; index != 1000; ++index) {
        all.push_back(pool.take(segment_size(index % segment_classes)));
        ASSERT_TRUE(all.back());
    }
    std::sort(all.begin(), all.end(), [](const segment& left, const segment& right) { return left.base < right.base; });
    for (std::size_t index = 1; index != all.size(); ++index) {
        ASSERT_LE(all[index - 1].top(), all[index].base);
    }
    give_all(pool, all);
}

TEST(segment_pool, goes_from_low_to_high_and_fills_gaps_first) {
    segment_pool pool(small_space(16));
    std::vector<segment> all;
    for (std::size_t index = 0; index != 100; ++index) { // more than three chunks
        all.push_back(pool.take(2 * kibibyte));
        ASSERT_EQ(all[index].base, all[0].base + index * 2 * kibibyte);
    }
    pool.give(all[70]);
    pool.give(all[40]);
    EXPECT_EQ(pool.take(2 * kibibyte).base, all[40].base);
    EXPECT_EQ(pool.take(2 * kibibyte).base, all[70].base);
    give_all(pool, all);
}

TEST(segment_pool, is_empty_when_the_space_is_used_up) {
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        for (const std::size_t chunks : {1u, 5u, 64u, 65u}) {
            segment_pool pool(small_space(chunks));
            const std::vector<segment> all = take_all(pool, size);
            ASSERT_EQ(all.size(), chunks * chunk / size);
            EXPECT_FALSE(pool.take(size));
            EXPECT_FALSE(pool.take(smallest_segment)) << "no chunk is left for another class";
            pool.give(all[all.size() / 2]);
            EXPECT_EQ(pool.take(size).base, all[all.size() / 2].base);
            give_all(pool, all);
            EXPECT_EQ(pool.counters().in_use(), 0u);
        }
    }
}

TEST(segment_pool, the_address_space_is_rounded_up) {
    segment_pool_options options;
    options.address_space = 1;
    segment_pool pool(options);
    EXPECT_TRUE(pool.take(largest_segment));
    EXPECT_FALSE(pool.take(largest_segment));
}

TEST(segment_pool, a_chunk_serves_another_class_when_all_of_it_is_back) {
    segment_pool pool(small_space(1));
    const std::vector<segment> small = take_all(pool, kibibyte);
    for (std::size_t index = 1; index != small.size(); ++index) {
        pool.give(small[index]);
        ASSERT_FALSE(pool.take(32 * kibibyte)) << "one is out still";
    }
    pool.give(small[0]);
    const std::vector<segment> large = take_all(pool, 32 * kibibyte);
    EXPECT_EQ(large.size(), 2u);
    give_all(pool, large);
    EXPECT_EQ(take_all(pool, 16 * kibibyte).size(), 4u);
}

TEST(segment_pool, reserves_nothing_before_the_first_segment) {
    segment_pool pool;
    pool.trim();
    EXPECT_EQ(pool.counters().committed, 0u);
    EXPECT_EQ(pool.counters().in_use(), 0u);
}

TEST(segment_pool, is_empty_when_there_is_no_such_address_space) {
    segment_pool_options options;
    options.address_space = std::size_t{1} << 50;
    segment_pool pool(options);
    for (int attempt = 0; attempt != 2; ++attempt) {
        EXPECT_FALSE(pool.take(kibibyte));
        EXPECT_EQ(pool.counters().committed, 0u);
    }
}

// For every limit from nothing to all that the space can need.
TEST(segment_pool, survives_that_the_system_has_no_memory) {
    constexpr std::size_t chunks = 40;
    std::size_t most = 0;
    std::size_t without_any = 0;
    for (std::size_t limit = 0; most != chunks; limit += win::page_size) {
        segment_pool_options options = small_space(chunks);
        options.most_committed = limit;
        segment_pool pool(options);
        for (const std::size_t size : {2 * kibibyte, 64 * kibibyte, kibibyte}) {
            const std::vector<segment> all = take_all(pool, size);
            ASSERT_EQ(all.size() * size % chunk, 0u);
            ASSERT_GE(all.size() * size / chunk, most) << "more memory, fewer segments";
            ASSERT_LE(pool.counters().committed, limit);
            most = all.size() * size / chunk;
            if (!all.empty()) {
                pool.give(all.back());
                ASSERT_EQ(pool.take(size).base, all.back().base);
            } else {
                ++without_any;
            }
            give_all(pool, all);
            ASSERT_EQ(pool.counters().in_use(), 0u);
        }
        ASSERT_LT(limit, 2 * chunks * chunk);
    }
    EXPECT_GT(without_any, 0u);
}

// Chunks get memory several at a time, but the last few as many as there are.
TEST(segment_pool, uses_all_memory_that_there_is) {
    segment_pool_options options = small_space(64);
    options.chunks_per_commit = 8;
    std::size_t bookkeeping = 0;
    {
        segment_pool pool(options);
        static_cast<void>(take_all(pool, largest_segment));
        bookkeeping = pool.counters().committed - 64 * chunk;
    }
    for (std::size_t chunks = 0; chunks != 20; ++chunks) {
        options.most_committed = bookkeeping + chunks * chunk;
        segment_pool pool(options);
        EXPECT_EQ(take_all(pool, largest_segment).size(), chunks);
    }
}

#if !defined(_WIN32)
TEST(segment_pool, loses_nothing_when_the_system_refuses_memory_for_a_while) {
    segment_pool_options options = small_space(8);
    options.kept_chunks = 0;
    options.chunks_per_commit = 1;
    segment_pool pool(options);
    test::refuse_memory(true);
    EXPECT_FALSE(pool.take(kibibyte)) << "no bookkeeping";
    test::refuse_memory(false);
    const segment first = pool.take(largest_segment);
    const segment second = pool.take(largest_segment);
    pool.give(first); // bare now
    test::refuse_memory(true);
    EXPECT_FALSE(pool.take(kibibyte)) << "a bare chunk";
    test::refuse_memory(false);
    EXPECT_EQ(pool.take(largest_segment).base, first.base);
    test::refuse_memory(true);
    EXPECT_FALSE(pool.take(kibibyte)) << "a new chunk";
    test::refuse_memory(false);
    EXPECT_EQ(pool.take(largest_segment).base, second.base + chunk);
    EXPECT_EQ(take_all(pool, largest_segment).size(), 5u);
    EXPECT_EQ(pool.counters().classes[6].in_use, 8u);
}
#endif

TEST(segment_pool, memory_that_nobody_uses_goes_back_to_the_system) {
    segment_pool_options options = small_space(256);
    options.kept_chunks = 4;
    segment_pool pool(options);
    std::vector<segment> all = take_all(pool, 2 * kibibyte);
    for (const segment& each : all) {
        std::memset(each.base, 0xcd, each.size);
    }
    const std::size_t before = pool.counters().committed;
    const std::byte* const base = all.front().base;
    std::mt19937 random(test::test_seed());
    std::shuffle(all.begin(), all.end(), random);
    give_all(pool, all);
    const segment_counters after = pool.counters();
    EXPECT_LE(after.unused_chunks, 8u);
    EXPECT_GE(after.unused_chunks, 4u);
    EXPECT_EQ(before - after.committed, (256 - after.unused_chunks) * chunk);
    EXPECT_EQ(after.most_committed, before);
    std::size_t with_memory = 0;
    for (std::size_t index = 0; index != 256; ++index) {
        with_memory += test::has_memory(base + index * chunk) ? 1 : 0;
    }
    EXPECT_EQ(with_memory, after.unused_chunks);

    pool.trim();
    EXPECT_EQ(pool.counters().unused_chunks, 0u);
    EXPECT_EQ(before - pool.counters().committed, 256 * chunk);
    EXPECT_FALSE(test::has_memory(base));

    all = take_all(pool, 4 * kibibyte);
    EXPECT_EQ(all.size(), 256 * chunk / (4 * kibibyte)) << "what is bare serves again, any class";
    for (const segment& each : all) {
        std::memset(each.base, 0xcd, each.size);
    }
}

TEST(segment_pool, trim_leaves_chunks_in_use_alone) {
    segment_pool pool(small_space(16));
    const segment low = pool.take(kibibyte);
    const segment high = pool.take(64 * kibibyte);
    std::memset(low.base, 0x11, low.size);
    std::memset(high.base, 0x22, high.size);
    pool.trim();
    EXPECT_EQ(pool.counters().unused_chunks, 0u);
    EXPECT_EQ(*low.base, std::byte{0x11});
    EXPECT_EQ(*(high.top() - 1), std::byte{0x22});
}

// Going up and down by less than twice what is kept asks the system for nothing.
TEST(segment_pool, a_loop_does_not_commit_and_decommit) {
    segment_pool_options options;
    options.kept_chunks = 4;
    options.chunks_per_commit = 1;
    segment_pool pool(options);
    std::vector<segment> steady;
    for (int index = 0; index != 10; ++index) {
        steady.push_back(pool.take(largest_segment));
    }
    std::vector<segment> wave;
    std::size_t committed = 0;
    for (int round = 0; round != 20; ++round) {
        for (int index = 0; index != 7; ++index) {
            wave.push_back(pool.take(largest_segment));
        }
        if (round == 0) {
            committed = pool.counters().committed;
        }
        ASSERT_EQ(pool.counters().committed, committed);
        give_all(pool, wave);
        wave.clear();
        ASSERT_EQ(pool.counters().committed, committed);
    }
    give_all(pool, steady);
}

TEST(segment_pool, takes_and_gives_several_at_once) {
    segment_pool pool(small_space(3));
    std::vector<std::byte*> bases(200);
    EXPECT_EQ(pool.take_many(segment_class(kibibyte), bases), 192u) << "as many as there are";
    bases.resize(192);
    for (std::size_t index = 0; index != bases.size(); ++index) {
        ASSERT_EQ(bases[index], bases[0] + index * kibibyte);
    }
    EXPECT_EQ(pool.counters().classes[0].in_use, 192u);
    EXPECT_EQ(pool.take_many(segment_class(kibibyte), bases), 0u);
    pool.give_many(segment_class(kibibyte), bases);
    EXPECT_EQ(pool.counters().in_use(), 0u);
    pool.give_many(segment_class(kibibyte), {});
}

TEST(segment_pool, counts) {
    segment_pool_options options = small_space(64);
    options.chunks_per_commit = 4;
    segment_pool pool(options);
    const segment first = pool.take(2 * kibibyte);
    const segment second = pool.take(2 * kibibyte);
    const segment large = pool.take(64 * kibibyte);
    segment_counters seen = pool.counters();
    EXPECT_EQ(seen.classes[1].in_use, 2u);
    EXPECT_EQ(seen.classes[1].cached, 0u);
    EXPECT_EQ(seen.classes[1].most, 2u);
    EXPECT_EQ(seen.classes[1].unused, 30u);
    EXPECT_EQ(seen.classes[6].in_use, 1u);
    EXPECT_EQ(seen.classes[0].most, 0u);
    EXPECT_EQ(seen.in_use(), 3u);
    EXPECT_EQ(seen.unused_chunks, 2u) << "of the four that got memory at once";
    pool.give(first);
    pool.give(large);
    seen = pool.counters();
    EXPECT_EQ(seen.classes[1].in_use, 1u);
    EXPECT_EQ(seen.classes[1].most, 2u);
    EXPECT_EQ(seen.classes[1].unused, 31u);
    EXPECT_EQ(seen.classes[6].in_use, 0u);
    EXPECT_EQ(seen.classes[6].most, 1u);
    EXPECT_EQ(seen.classes[6].unused, 0u);
    EXPECT_EQ(seen.unused_chunks, 3u);
    pool.give(second);
    EXPECT_EQ(pool.counters().classes[1].unused, 0u);
    EXPECT_EQ(pool.counters().unused_chunks, 4u);
}

#if defined(_WIN32)
TEST(segment_pool, leaves_the_last_error_alone) {
    constexpr DWORD mark = 12'345;
    ::SetLastError(mark);
    segment_pool_options options = small_space(4);
    options.kept_chunks = 0;
    segment_pool pool(options);
    const std::vector<segment> all = take_all(pool, 4 * kibibyte);
    EXPECT_EQ(::GetLastError(), mark) << "memory was found, until there was none";
    ::SetLastError(mark);
    give_all(pool, all);
    EXPECT_EQ(::GetLastError(), mark) << "memory was taken away";
    options.address_space = std::size_t{1} << 50;
    segment_pool impossible(options);
    ::SetLastError(mark);
    const bool taken = static_cast<bool>(impossible.take(kibibyte));
    const DWORD after = ::GetLastError();
    EXPECT_FALSE(taken);
    EXPECT_EQ(after, mark) << "the system has refused";
}
#endif

// The target of a parked coroutine leaves half a KiB for everything that is not its stack.
TEST(segment_pool, a_million_small_segments_cost_hardly_more_than_they_hold) {
    constexpr std::size_t million = 1'000'000;
    segment_pool pool;
    std::vector<std::byte*> bases(million);
    ASSERT_EQ(pool.take_many(segment_class(2 * kibibyte), bases), million);
    const segment_counters seen = pool.counters();
    EXPECT_LE(seen.committed, million * (2 * kibibyte + 4));
    EXPECT_EQ(seen.classes[1].most, million);
    std::mt19937 random(test::test_seed());
    std::shuffle(bases.begin(), bases.end(), random);
    pool.give_many(segment_class(2 * kibibyte), bases);
    EXPECT_LE(pool.counters().unused_chunks, 32u);
}

} // namespace
} // namespace moor::stack
