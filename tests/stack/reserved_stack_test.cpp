// Where stacks come from and what becomes of them: the arena and the workers' caches, without a scheduler.
#include "stack/reserved_stack.hpp"

#include <algorithm>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "win/windows.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t kibibyte = 1024;

enum class page { reserved, committed, guard, other };

page page_at(const std::byte* address) {
    MEMORY_BASIC_INFORMATION seen{};
    if (::VirtualQuery(address, &seen, sizeof seen) == 0) {
        return page::other;
    }
    if (seen.State == MEM_RESERVE) {
        return page::reserved;
    }
    if (seen.State != MEM_COMMIT) {
        return page::other;
    }
    return (seen.Protect & PAGE_GUARD) != 0 ? page::guard : page::committed;
}

// A stack ready for use: committed down to its limit, a guard below, nothing below that.
void expect_armed(const reserved_stack& armed) {
    EXPECT_EQ(page_at(armed.top() - 1), page::committed);
    EXPECT_EQ(page_at(armed.limit), page::committed);
    EXPECT_EQ(page_at(armed.limit - 1), page::guard);
    EXPECT_EQ(page_at(armed.limit - win::page_size), page::guard);
    EXPECT_EQ(page_at(armed.limit - win::page_size - 1), page::reserved);
    EXPECT_EQ(page_at(armed.lowest()), page::reserved) << "nothing may reach the neighbour";
}

// What the kernel does when a coroutine grows into its stack, as far as the arena can tell.
void pretend_growth(reserved_stack& grown, std::size_t bytes) {
    ASSERT_TRUE(win::commit(grown.top() - bytes, bytes));
    ASSERT_TRUE(win::commit_guard(grown.top() - bytes - win::page_size, win::page_size));
    grown.limit = grown.top() - bytes;
}

TEST(rounded_stack_size, is_a_power_of_two_from_64_kib_on) {
    EXPECT_EQ(rounded_stack_size(0), 64 * kibibyte);
    EXPECT_EQ(rounded_stack_size(1), 64 * kibibyte);
    EXPECT_EQ(rounded_stack_size(64 * kibibyte), 64 * kibibyte);
    EXPECT_EQ(rounded_stack_size(64 * kibibyte + 1), 128 * kibibyte);
    EXPECT_EQ(rounded_stack_size(256 * kibibyte), 256 * kibibyte);
    EXPECT_EQ(rounded_stack_size(largest_reserved_stack), largest_reserved_stack);
}

TEST(reserved_arena, gives_armed_stacks_of_every_size) {
    reserved_arena arena;
    for (const std::size_t size : {64 * kibibyte, 256 * kibibyte, 8 * 1024 * kibibyte, 128 * 1024 * kibibyte}) {
        const reserved_stack made = arena.allocate(size);
        EXPECT_EQ(made.size, size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made.slot) % win::page_size, 0u);
        EXPECT_EQ(made.limit, made.top() - win::page_size);
        expect_armed(made);
        arena.release(made);
    }
    EXPECT_EQ(arena.committed(), 0u);
}

TEST(reserved_arena, all_that_was_asked_for_can_be_used) {
    reserved_arena arena;
    reserved_stack made = arena.allocate(64 * kibibyte);
    made = commit_room(made, 64 * kibibyte);
    ASSERT_TRUE(made);
    EXPECT_EQ(made.committed(), 64 * kibibyte);
    expect_armed(made);
    EXPECT_FALSE(commit_room(made, 64 * kibibyte + 1));
    std::fill(made.limit, made.top(), std::byte{0xcd});
    arena.release(made);
    for (const std::byte* at = made.lowest(); at != made.top(); at += win::page_size) {
        ASSERT_EQ(page_at(at), page::reserved) << made.top() - at;
    }
}

TEST(reserved_arena, the_largest_size) {
    reserved_arena arena;
    const reserved_stack made = arena.allocate(largest_reserved_stack);
    expect_armed(made);
    arena.release(made);
}

TEST(reserved_arena, stacks_do_not_overlap) {
    reserved_arena arena;
    std::vector<reserved_stack> all;
    for (int number = 0; number < 600; ++number) { // more than one reservation of 64 MiB
        all.push_back(arena.allocate((number % 3 == 0 ? 256 : 128) * kibibyte));
    }
    EXPECT_EQ(arena.committed(), all.size());
    std::sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.slot < right.slot; });
    for (std::size_t index = 1; index < all.size(); ++index) {
        EXPECT_LE(all[index - 1].top(), all[index].slot);
    }
    for (const auto& each : all) {
        arena.release(each);
    }
    EXPECT_EQ(arena.committed(), 0u);
}

TEST(reserved_arena, neighbours_do_not_compete_for_the_same_lines_of_a_cache) {
    reserved_arena arena;
    constexpr std::size_t way = 128 * kibibyte; // of a second-level cache
    std::set<std::uintptr_t> places;
    std::vector<reserved_stack> all;
    for (int number = 0; number < 32; ++number) {
        all.push_back(arena.allocate(256 * kibibyte));
        places.insert(reinterpret_cast<std::uintptr_t>(all.back().top()) % way);
    }
    EXPECT_EQ(places.size(), way / win::page_size);
    for (const auto& each : all) {
        arena.release(each);
    }
}

TEST(reserved_arena, a_released_slot_has_no_memory_and_is_used_again) {
    reserved_arena arena;
    reserved_stack first = arena.allocate(256 * kibibyte);
    std::fill(first.limit, first.top(), std::byte{0xcd});
    pretend_growth(first, 100 * kibibyte);
    arena.release(first);
    for (std::size_t offset = 0; offset < first.size; offset += win::page_size) {
        ASSERT_EQ(page_at(first.slot + offset), page::reserved) << offset;
    }
    const reserved_stack second = arena.allocate(256 * kibibyte);
    EXPECT_EQ(second.slot, first.slot);
    expect_armed(second);
    EXPECT_TRUE(std::all_of(second.limit, second.top(), [](std::byte each) { return each == std::byte{0}; }));
    arena.release(second);
}

TEST(reserved_arena, keeps_the_memory_of_some) {
    reserved_arena arena(100 * kibibyte);
    reserved_stack grown = arena.allocate(256 * kibibyte);
    pretend_growth(grown, 80 * kibibyte);
    const reserved_stack other_size = arena.allocate(64 * kibibyte);
    reserved_stack too_much = arena.allocate(256 * kibibyte);
    pretend_growth(too_much, 24 * kibibyte);
    arena.release(grown);
    arena.release(other_size);
    arena.release(too_much); // 80 KiB and a page are kept already
    EXPECT_EQ(arena.committed(), 2u);
    EXPECT_EQ(page_at(too_much.top() - 1), page::reserved);

    const reserved_stack again = arena.allocate(256 * kibibyte);
    EXPECT_EQ(again.slot, grown.slot);
    EXPECT_EQ(again.limit, grown.limit);
    expect_armed(again);
    EXPECT_EQ(arena.allocate(64 * kibibyte).slot, other_size.slot);
    const reserved_stack armed_anew = arena.allocate(256 * kibibyte);
    EXPECT_EQ(armed_anew.limit, armed_anew.top() - win::page_size);
    expect_armed(armed_anew);
    arena.release(armed_anew); // what was taken out makes room again
    EXPECT_EQ(arena.committed(), 3u);
}

TEST(reserved_arena, serves_many_threads) {
    reserved_arena arena;
    std::vector<std::thread> threads;
    for (unsigned thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&arena, thread] {
            std::vector<reserved_stack> own;
            for (unsigned round = 0; round < 300; ++round) {
                own.push_back(arena.allocate((round % 2 == 0 ? 64 : 256) * kibibyte));
                *(own.back().top() - 1) = static_cast<std::byte>(thread);
                if (round % 3 == 0) {
                    arena.release(own.front());
                    own.erase(own.begin());
                }
            }
            for (const auto& each : own) {
                EXPECT_EQ(*(each.top() - 1), static_cast<std::byte>(thread));
                arena.release(each);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(arena.committed(), 0u);
}

TEST(stack_cache, gives_back_what_it_was_given_last) {
    reserved_arena arena;
    {
        stack_cache cache(arena, 256 * kibibyte, 2, 128 * kibibyte);
        const reserved_stack first = cache.take(256 * kibibyte);
        const reserved_stack second = cache.take(256 * kibibyte);
        cache.give(first);
        cache.give(second);
        EXPECT_EQ(arena.committed(), 2u);
        EXPECT_EQ(cache.take(256 * kibibyte).slot, second.slot);
        EXPECT_EQ(cache.take(256 * kibibyte).slot, first.slot);
        cache.give(first);
        cache.give(second);
    }
    EXPECT_EQ(arena.committed(), 0u) << "the cache returns what it holds";
}

TEST(stack_cache, keeps_no_more_than_it_may_and_only_its_size) {
    reserved_arena arena;
    stack_cache cache(arena, 256 * kibibyte, 1, 64 * kibibyte);
    const reserved_stack first = cache.take(256 * kibibyte);
    const reserved_stack second = cache.take(256 * kibibyte);
    const reserved_stack large = cache.take(1024 * kibibyte);
    EXPECT_EQ(large.size, 1024 * kibibyte);
    cache.give(large);
    EXPECT_EQ(arena.committed(), 2u);
    cache.give(first);
    cache.give(second);
    EXPECT_EQ(arena.committed(), 1u);
}

TEST(stack_cache, one_that_may_keep_nothing) {
    reserved_arena arena;
    stack_cache cache(arena, 64 * kibibyte, 0, 0);
    cache.give(cache.take(64 * kibibyte));
    EXPECT_EQ(arena.committed(), 0u);
}

TEST(stack_cache, keeps_what_has_grown_large_while_there_is_room_for_it) {
    reserved_arena arena;
    stack_cache cache(arena, 256 * kibibyte, 3, 256 * kibibyte);
    reserved_stack large = cache.take(256 * kibibyte);
    reserved_stack larger = cache.take(256 * kibibyte);
    const reserved_stack small = cache.take(256 * kibibyte);
    pretend_growth(large, 100 * kibibyte);
    pretend_growth(larger, 200 * kibibyte);
    cache.give(large);
    cache.give(larger); // over the limit with all of it: cut back
    cache.give(small);
    EXPECT_EQ(cache.take(256 * kibibyte).limit, small.limit);
    const reserved_stack cut = cache.take(256 * kibibyte);
    EXPECT_EQ(cut.limit, larger.top() - 64 * kibibyte);
    expect_armed(cut);
    const reserved_stack whole = cache.take(256 * kibibyte);
    EXPECT_EQ(whole.limit, large.limit);
    reserved_stack regrown = cut;
    pretend_growth(regrown, 200 * kibibyte);
    cache.give(regrown); // what was taken out has made room
    EXPECT_EQ(cache.take(256 * kibibyte).limit, regrown.limit);
    for (const reserved_stack& each : {whole, regrown, small}) {
        arena.release(each);
    }
    EXPECT_EQ(arena.committed(), 0u);
}

TEST(stack_cache, gives_up_what_there_is_no_memory_for) {
    reserved_arena arena;
    stack_cache cache(arena, 256 * kibibyte, 8, 100 * kibibyte);
    std::vector<reserved_stack> grown{cache.take(256 * kibibyte), cache.take(256 * kibibyte)};
    for (reserved_stack& each : grown) {
        pretend_growth(each, 64 * kibibyte);
    }
    cache.give(grown[0]);
    cache.give(grown[1]);
    EXPECT_EQ(arena.committed(), 1u);
}

TEST(stack_cache, trims_what_has_grown_large_and_arms_the_guard_again) {
    reserved_arena arena;
    stack_cache cache(arena, 256 * kibibyte, 1, 64 * kibibyte);
    for (const std::size_t used : {8 * kibibyte, 64 * kibibyte, 68 * kibibyte, 200 * kibibyte, 244 * kibibyte}) {
        reserved_stack grown = cache.take(256 * kibibyte);
        pretend_growth(grown, used);
        cache.give(grown);
        const reserved_stack again = cache.take(256 * kibibyte);
        ASSERT_EQ(again.slot, grown.slot);
        EXPECT_EQ(again.limit, again.top() - std::min(used, 64 * kibibyte)) << used;
        expect_armed(again);
        cache.give(again);
    }
}

} // namespace
} // namespace moor::stack
