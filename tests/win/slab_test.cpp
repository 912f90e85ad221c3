#include "win/slab.hpp"

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace moor::win {
namespace {

struct object {
    static inline std::atomic<int> alive{0};

    object() { alive.fetch_add(1); }
    ~object() { alive.fetch_sub(1); }

    object* next_free = nullptr;
    std::array<char, 200> payload{};
};

TEST(slab, recycles_and_never_frees_before_its_end) {
    {
        slab<object> memory(1000);
        free_list<object> cache;
        std::set<object*> seen;
        std::vector<object*> out;
        for (int count = 0; count < 300; ++count) {
            object& taken = memory.take(cache);
            EXPECT_TRUE(seen.insert(&taken).second) << "handed out twice";
            EXPECT_TRUE(memory.owns(&taken));
            out.push_back(&taken);
        }
        const std::size_t made = memory.size();
        EXPECT_GE(made, 300u);
        for (object* const each : out) {
            memory.give(*each, cache);
        }
        for (int count = 0; count < 300; ++count) {
            EXPECT_TRUE(seen.count(&memory.take(cache)) != 0 || memory.size() == made);
        }
        EXPECT_EQ(memory.size(), made) << "recycled ones come first";
        EXPECT_EQ(object::alive.load(), static_cast<int>(made));
    }
    EXPECT_EQ(object::alive.load(), 0);
}

TEST(slab, owns_its_objects_and_nothing_else) {
    slab<object> memory(1000);
    object& first = memory.take_shared();
    object outside;
    EXPECT_TRUE(memory.owns(&first));
    EXPECT_FALSE(memory.owns(&outside));
    EXPECT_FALSE(memory.owns(nullptr));
    EXPECT_FALSE(memory.owns(&first.payload[1])) << "inside an object";
    EXPECT_FALSE(memory.owns(&first + 900)) << "address space without an object yet";
}

TEST(slab, is_full_at_its_capacity) {
    slab<object> memory(100);
    std::size_t taken = 0;
    EXPECT_THROW(
        for (;;) {
            static_cast<void>(memory.take_shared());
            ++taken;
        },
        std::system_error);
    EXPECT_GE(taken, 100u);
    EXPECT_EQ(taken, memory.size());
}

TEST(slab, visits_every_object) {
    slab<object> memory(1000);
    object& taken = memory.take_shared();
    std::set<object*> visited;
    memory.for_each([&visited](object& each) { visited.insert(&each); });
    EXPECT_EQ(visited.size(), memory.size());
    EXPECT_EQ(visited.count(&taken), 1u);
}

// Objects wander between threads through the common list, and none is ever in two hands.
TEST(slab, threads_with_caches_share_it) {
    struct claimed {
        claimed* next_free = nullptr;
        std::atomic<int> holders{0};
    };
    slab<claimed> memory(20'000);
    std::atomic<bool> twice{false};
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&] {
            free_list<claimed> cache;
            std::vector<claimed*> held;
            for (int round = 0; round < 200; ++round) {
                for (int count = 0; count < 150; ++count) {
                    claimed& taken = round % 2 == 0 ? memory.take(cache) : memory.take_shared();
                    twice = twice || taken.holders.fetch_add(1) != 0;
                    held.push_back(&taken);
                }
                for (claimed* const each : held) {
                    each->holders.fetch_sub(1);
                    if (round % 3 == 0) {
                        memory.give_shared(*each);
                    } else {
                        memory.give(*each, cache);
                    }
                }
                held.clear();
            }
            while (claimed* const each = cache.pop()) {
                memory.give_shared(*each);
            }
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
    EXPECT_FALSE(twice);
    EXPECT_LT(memory.size(), 4000u) << "what was given back is used again";
}

} // namespace
} // namespace moor::win
