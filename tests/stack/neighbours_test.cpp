// Movable stacks lie next to one another without a guard between: whatever wrote beyond one would change a neighbour.
// Here hundreds of small ones of the same worker grow, shrink and end in turn, and each looks after every turn whether
// all its frames are as it left them, the first one above all, which is what an overrun of the neighbour above would
// hit.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <moor/mutex.hpp>

#include "stack/on_movable.hpp"
#include "support/seed.hpp"

namespace moor {
namespace {

using test::grow_by_kibibytes;

class canary {
public:
    explicit canary(std::uint64_t key) noexcept : key_(key) {
        words_.fill(key);
        test::keep(words_);
    }
    [[nodiscard]] bool alive() const noexcept {
        test::keep(words_);
        std::uint64_t different = 0;
        for (const std::uint64_t each : words_) {
            different |= each ^ key_;
        }
        return different == 0;
    }

private:
    std::uint64_t key_;
    std::array<std::uint64_t, 12> words_;
};

// A few frames, with a canary each, and a suspension in the last.
[[gnu::noinline]] bool stand(unsigned depth, std::uint64_t key) {
    const canary own(key + depth);
    const bool below = depth != 0 ? stand(depth - 1, key) : (this_coroutine::yield(), true);
    return below && own.alive();
}

bool live(std::uint32_t seed, unsigned turns) {
    const canary first(seed * 0x9e3779b97f4a7c15ull);
    std::minstd_rand random(seed);
    bool fine = true;
    for (unsigned turn = 0; turn < turns && fine; ++turn) {
        switch (random() % 8) {
        case 0: fine = grow_by_kibibytes(random() % 20); break;
        case 1: fine = stand(random() % 40, seed); break;
        case 2: fine = stand(0, seed); break;
        case 3: fine = on_system_stack([] { return grow_by_kibibytes(20); }); break;
        case 4: {
            const auto some = std::make_unique<std::array<std::uint64_t, 50>>();
            some->fill(seed);
            fine = stand(1, seed) && some->back() == seed;
            break;
        }
        default: fine = stand(random() % 3, seed); break;
        }
        fine = fine && first.alive();
    }
    return fine;
}

TEST(neighbours, keep_their_frames_while_others_move) {
    const std::uint32_t seed = test::test_seed();
    for (const unsigned workers : {1u, 2u}) {
        const unsigned right = test::in_runtime(workers, [seed] {
            std::vector<join_handle<bool>> all;
            for (std::uint32_t number = 0; number < 300; ++number) {
                all.push_back(spawn({.stack = stack_kind::movable}, live, seed + number, 20 + number % 60));
            }
            unsigned count = 0;
            for (auto& each : all) {
                count += each.join() ? 1 : 0;
            }
            return count;
        });
        EXPECT_EQ(right, 300u) << workers;
    }
}

// They start, wait and end in waves, so that segments change hands.
TEST(neighbours, of_coroutines_that_start_and_end_all_the_time) {
    const std::uint32_t seed = test::test_seed();
    const unsigned right = test::in_runtime(1, [seed] {
        unsigned count = 0;
        std::vector<join_handle<bool>> all;
        for (std::uint32_t number = 0; number < 3000; ++number) {
            all.push_back(spawn({.stack = stack_kind::movable}, live, seed + number, number % 7));
            if (number % 100 == 99) {
                for (auto& each : all) {
                    count += each.join() ? 1 : 0;
                }
                all.clear();
            }
        }
        return count;
    });
    EXPECT_EQ(right, 3000u);
}

} // namespace
} // namespace moor
