// The workers' caches over a pool, alone and several at once.
#include "stack/segment_cache.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
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

TEST(segment_cache, gives_what_came_last_first) {
    segment_pool pool(small_space(64));
    segment_cache cache(pool);
    for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
        const segment first = cache.take(size);
        const segment second = cache.take(size);
        ASSERT_TRUE(first && second);
        EXPECT_EQ(first.size, size);
        EXPECT_EQ(second.base, first.base + size) << "neighbours, from low to high";
        cache.give(second);
        cache.give(first);
        EXPECT_EQ(cache.take(size).base, first.base);
        EXPECT_EQ(cache.take(size).base, second.base);
        cache.give(first);
        cache.give(second);
    }
    EXPECT_EQ(pool.counters().in_use(), 0u);
}

TEST(segment_cache, fetches_half_of_what_it_may_keep) {
    segment_pool pool(small_space(64));
    segment_cache cache(pool, 32 * kibibyte);
    const segment taken = cache.take(2 * kibibyte);
    EXPECT_EQ(pool.counters().classes[1].in_use, 1u);
    EXPECT_EQ(pool.counters().classes[1].cached, 7u);
    EXPECT_EQ(pool.counters().classes[1].most, 8u);
    cache.give(taken);
    EXPECT_EQ(pool.counters().classes[1].in_use, 0u);
    EXPECT_EQ(pool.counters().classes[1].cached, 8u);
}

TEST(segment_cache, a_full_one_gives_half_back_and_keeps_the_newest) {
    segment_pool pool(small_space(64));
    segment_cache cache(pool, 32 * kibibyte);
    std::vector<segment> all;
    for (int index = 0; index != 16; ++index) {
        all.push_back(pool.take(2 * kibibyte));
    }
    const segment extra = pool.take(2 * kibibyte);
    for (const segment& each : all) {
        cache.give(each);
    }
    EXPECT_EQ(pool.counters().classes[1].cached, 16u);
    cache.give(extra);
    EXPECT_EQ(pool.counters().classes[1].cached, 9u);
    EXPECT_EQ(pool.counters().classes[1].unused, 32u - 9u);
    EXPECT_EQ(cache.take(2 * kibibyte).base, extra.base);
    for (std::size_t index = 16; index-- != 8;) {
        EXPECT_EQ(cache.take(2 * kibibyte).base, all[index].base);
    }
    EXPECT_EQ(pool.counters().classes[1].cached, 0u);
    EXPECT_EQ(cache.take(2 * kibibyte).base, all[0].base) << "the lowest that the pool has";
}

TEST(segment_cache, gives_everything_back_on_request_and_at_its_end) {
    segment_pool pool(small_space(64));
    {
        segment_cache cache(pool);
        for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
            cache.give(cache.take(size));
            EXPECT_GT(pool.counters().classes[segment_class(size)].cached, 0u);
        }
        cache.clear();
        for (const auto& each : pool.counters().classes) {
            EXPECT_EQ(each.cached, 0u);
            EXPECT_EQ(each.unused, 0u);
        }
        cache.give(cache.take(2 * kibibyte));
        EXPECT_GT(pool.counters().classes[1].cached, 0u);
    }
    EXPECT_EQ(pool.counters().classes[1].cached, 0u);
    EXPECT_EQ(pool.counters().in_use(), 0u);
    std::vector<std::byte*> bases(64);
    EXPECT_EQ(pool.take_many(segment_class(largest_segment), bases), 64u) << "all chunks are free";
}

TEST(segment_cache, takes_what_the_pool_has_left) {
    segment_pool pool(small_space(1));
    segment_cache cache(pool); // fetches more than the 16 that there are
    for (int index = 0; index != 16; ++index) {
        EXPECT_TRUE(cache.take(4 * kibibyte)) << index;
    }
    EXPECT_FALSE(cache.take(4 * kibibyte));
    EXPECT_FALSE(cache.take(64 * kibibyte));
    EXPECT_EQ(pool.counters().classes[2].in_use, 16u);
}

TEST(segment_cache, what_it_may_not_keep_twice_passes_through) {
    segment_pool pool(small_space(64));
    segment_cache cache(pool, 64 * kibibyte);
    const segment large = cache.take(64 * kibibyte);
    EXPECT_EQ(pool.counters().classes[6].cached, 0u);
    cache.give(large);
    EXPECT_EQ(pool.counters().classes[6].cached, 0u);
    const segment half = cache.take(32 * kibibyte);
    cache.give(half);
    EXPECT_EQ(pool.counters().classes[5].cached, 1u);
}

TEST(segment_cache, keeps_nothing_under_no_cache_and_fault_on_free) {
    for (const bool faults : {false, true}) {
        segment_pool_options options = small_space(64);
        (faults ? options.fault_on_free : options.no_cache) = true;
        segment_pool pool(options);
        segment_cache cache(pool);
        for (std::size_t size = smallest_segment; size <= largest_segment; size *= 2) {
            const segment taken = cache.take(size);
            ASSERT_TRUE(taken);
            const auto seen = pool.counters().classes[segment_class(size)];
            EXPECT_EQ(seen.in_use, 1u);
            EXPECT_EQ(seen.cached, 0u);
            EXPECT_EQ(seen.most, 1u);
            std::memset(taken.base, 0xcd, size);
            cache.give(taken);
            EXPECT_EQ(pool.counters().in_use(), 0u);
            EXPECT_EQ(pool.counters().classes[segment_class(size)].cached, 0u);
            EXPECT_EQ(test::has_memory(taken.base), !faults);
        }
    }
}

TEST(segment_cache, segments_may_end_in_another_cache) {
    segment_pool pool(small_space(64));
    segment_cache first(pool, 32 * kibibyte);
    segment_cache second(pool, 32 * kibibyte);
    for (int index = 0; index != 10'000; ++index) {
        const segment taken = first.take(2 * kibibyte);
        ASSERT_TRUE(taken) << index;
        second.give(taken);
        ASSERT_EQ(pool.counters().in_use(), 0u);
        ASSERT_LE(pool.counters().classes[1].cached, 32u);
    }
}

// A segment with marks at both ends and somewhere between, which only its holder knows.
class marked_segment {
public:
    marked_segment(segment held, std::uint64_t mark, std::size_t between) : held_(held), mark_(mark) {
        places_ = {0, held.size / 8 - 1, between % (held.size / 8)};
        for (const std::size_t place : places_) {
            words()[place] = mark_ + place;
        }
    }

    [[nodiscard]] segment held() const { return held_; }
    [[nodiscard]] bool intact() const {
        return std::all_of(places_.begin(), places_.end(),
                           [this](std::size_t place) { return words()[place] == mark_ + place; });
    }

private:
    [[nodiscard]] std::uint64_t* words() const { return reinterpret_cast<std::uint64_t*>(held_.base); }

    segment held_;
    std::uint64_t mark_;
    std::array<std::size_t, 3> places_{};
};

struct crowd_options {
    segment_pool_options pool;
    std::size_t most_bytes = segment_cache::default_most_bytes_per_class;
    unsigned rounds = 20'000;
    std::size_t most_held = 300; // of one thread
};

// Several threads take, give, and hand segments to each other; one more reads the counters.
void run_crowd(const crowd_options& options) {
    constexpr unsigned crowd = 4;
    const std::uint32_t seed = test::test_seed();
    segment_pool pool(options.pool);
    std::mutex exchange_lock;
    std::vector<marked_segment> exchange;
    std::atomic<unsigned> spoiled{0};
    std::atomic<unsigned> refused{0};
    std::atomic<bool> finished{false};

    std::thread reader([&] {
        while (!finished) {
            const segment_counters seen = pool.counters();
            for (const auto& each : seen.classes) {
                EXPECT_GE(each.most, each.in_use + each.cached);
            }
            EXPECT_GE(seen.most_committed, seen.committed);
            std::this_thread::yield();
        }
    });
    std::vector<std::thread> threads;
    for (unsigned number = 0; number != crowd; ++number) {
        threads.emplace_back([&, number] {
            std::mt19937 random(seed + number);
            segment_cache cache(pool, options.most_bytes);
            std::vector<marked_segment> held;
            const auto give = [&](const marked_segment& given) {
                spoiled += given.intact() ? 0 : 1;
                cache.give(given.held());
            };
            for (unsigned round = 0; round != options.rounds; ++round) {
                const bool grows = round / 2000 % 2 == 0;
                if (random() % 8 < (grows ? 6u : 2u) && held.size() < options.most_held) {
                    // Small ones are more frequent, as with stacks.
                    const std::size_t kind = std::min(random() % segment_classes, random() % segment_classes);
                    if (const segment taken = cache.take(segment_size(kind))) {
                        held.emplace_back(taken, (std::uint64_t{number} << 56) + (std::uint64_t{round} << 20),
                                          random());
                    } else {
                        ++refused;
                    }
                } else if (!held.empty()) {
                    std::swap(held[random() % held.size()], held.back());
                    give(held.back());
                    held.pop_back();
                }
                if (round % 16 == 0 && !held.empty()) {
                    const std::lock_guard guard(exchange_lock);
                    if (exchange.size() < 50) {
                        exchange.push_back(held.back());
                        held.pop_back();
                    } else {
                        std::swap(exchange[random() % exchange.size()], held.back());
                    }
                }
                if (round % 4096 == 0) {
                    cache.clear();
                    pool.trim();
                }
            }
            for (const marked_segment& each : held) {
                give(each);
            }
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
    finished = true;
    reader.join();
    for (const marked_segment& each : exchange) {
        spoiled += each.intact() ? 0 : 1;
        pool.give(each.held());
    }
    EXPECT_EQ(spoiled, 0u) << "somebody wrote into another's segment";
    EXPECT_EQ(refused != 0, options.pool.address_space < (std::size_t{1} << 30));
    const segment_counters last = pool.counters();
    EXPECT_EQ(last.in_use(), 0u);
    for (const auto& each : last.classes) {
        EXPECT_EQ(each.cached, 0u);
        EXPECT_EQ(each.unused, 0u) << "all chunks are unused";
        EXPECT_GT(each.most, 0u);
    }
    EXPECT_LE(last.unused_chunks, 2 * options.pool.kept_chunks);
}

TEST(segment_cache, many_threads) { run_crowd({}); }

TEST(segment_cache, many_threads_without_caches) {
    crowd_options options;
    options.pool.no_cache = true;
    run_crowd(options);
}

TEST(segment_cache, many_threads_with_small_caches_and_chunks_that_come_and_go) {
    crowd_options options;
    options.most_bytes = 4 * kibibyte;
    options.pool.kept_chunks = 0;
    options.pool.chunks_per_commit = 1;
    run_crowd(options);
}

TEST(segment_cache, many_threads_in_a_space_that_is_too_small) {
    crowd_options options;
    options.pool.address_space = 28 * chunk; // less than one thread alone holds at its peak
    options.most_bytes = 16 * kibibyte;
    run_crowd(options);
}

TEST(segment_cache, many_threads_under_fault_on_free) {
    crowd_options options;
    options.pool.fault_on_free = true;
    options.rounds = 5000;
    run_crowd(options);
}

} // namespace
} // namespace moor::stack
