// Random trees of calls on movable stacks, in which anything may happen at any depth: frames of many sizes,
// suspensions, requests for room, visits to the worker's stack, exceptions that are caught, rethrown or kept.
// Every frame has a checksum that it looks at before it ends, its end by an exception included. The same tree is first
// run on a plain thread, where nothing moves: both have to return the same number.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "stack/on_movable.hpp"
#include "support/seed.hpp"

namespace moor {
namespace {

using test::mixed;

struct tree_error {
    std::uint64_t key;
};

/// One tree. On the heap: the frames refer to it.
class call_tree {
public:
    explicit call_tree(std::uint64_t seed, bool may_suspend) noexcept : state_(seed), may_suspend_(may_suspend) {}

    std::uint64_t run() {
        try {
            return visit({.depth = 0, .budget = unlimited, .visiting = false});
        } catch (const tree_error& last) {
            return (mixed() << last.key << 77).value();
        }
    }

    [[nodiscard]] unsigned damaged() const noexcept { return damaged_; }
    [[nodiscard]] unsigned throws() const noexcept { return throws_; }
    [[nodiscard]] unsigned nodes() const noexcept { return nodes_; }

private:
    static constexpr std::size_t unlimited = std::size_t{1} << 30;
    static constexpr std::size_t around_a_frame = 1200; // bytes that a node needs beside its local, at most
    static constexpr std::size_t for_a_throw = std::size_t{24} * 1024;
    static constexpr unsigned deepest = 12;
    static constexpr unsigned most_nodes = 60;

    /// What a node is told: how deep it is, what its room is, whether it is on the worker's system stack.
    struct place {
        unsigned depth;
        std::size_t budget;
        bool visiting;

        [[nodiscard]] place below(std::size_t frame) const noexcept {
            const std::size_t used = frame + around_a_frame;
            return {depth + 1, budget == unlimited ? unlimited : budget > used ? budget - used : 0, visiting};
        }
    };

    // splitmix64; the sequence decides the shape of the tree and is the same wherever it runs.
    std::uint64_t next() noexcept {
        std::uint64_t value = state_ += 0x9e3779b97f4a7c15ull;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
        return value ^ (value >> 31);
    }
    bool one_in(unsigned chances) noexcept { return next() % chances == 0; }

    void suspend() {
        if (may_suspend_ && visits_ == 0) {
            this_coroutine::yield();
        }
    }

    /// Contents of a frame, looked at when the frame ends, however it ends.
    template <std::size_t Words>
    class checked_local {
    public:
        checked_local(call_tree& tree, std::uint64_t key) noexcept : tree_(tree), key_(key), self_(this) {
            for (std::size_t index = 0; index < Words; ++index) {
                words_[index] = key ^ (index * 0xff51afd7ed558ccdull);
            }
            test::keep(words_);
        }
        checked_local(const checked_local&) = delete;
        checked_local& operator=(const checked_local&) = delete;
        ~checked_local() {
            const std::uint64_t value = sum();
            if (value != key_) {
                ++tree_.damaged_;
            }
            if (key_ % 16 == 3) { // a destructor that needs stack, perhaps while an exception passes
                tree_.in_destructor(key_);
            }
        }

        [[nodiscard]] std::uint64_t sum() const noexcept {
            test::keep(words_);
            bool intact = self_ == this;
            for (std::size_t index = 0; index < Words; ++index) {
                intact &= words_[index] == (key_ ^ (index * 0xff51afd7ed558ccdull));
            }
            return intact ? key_ : ~key_;
        }

    private:
        call_tree& tree_;
        std::uint64_t key_;
        const checked_local* self_;
        std::array<std::uint64_t, Words> words_;
    };

    [[gnu::noinline]] void in_destructor(std::uint64_t key) {
        std::array<std::uint64_t, 100> local;
        local.fill(key);
        test::keep(local);
        suspend();
        for (const std::uint64_t each : local) {
            if (each != key) {
                ++damaged_;
            }
        }
    }

    std::uint64_t visit(place here) {
        if (++nodes_ > most_nodes || here.depth > deepest) {
            return next();
        }
        switch (next() % 8) {
        case 0: return node_if_it_fits<300>(here);
        case 1: return node_if_it_fits<1500>(here);
        case 2:
        case 3: return node_if_it_fits<60>(here);
        case 4:
        case 5: return node_if_it_fits<20>(here);
        default: return node_if_it_fits<4>(here);
        }
    }

    template <std::size_t Words>
    std::uint64_t node_if_it_fits(place here) {
        return here.budget > Words * sizeof(std::uint64_t) + around_a_frame ? node<Words>(here) : next();
    }

    template <std::size_t Words>
    [[gnu::noinline]] std::uint64_t node(place here) {
        const place below = here.below(Words * sizeof(std::uint64_t));
        const std::uint64_t key = next();
        const checked_local<Words> local(*this, key);
        mixed result;
        result << key;
        const unsigned children = static_cast<unsigned>(next() % 4);
        for (unsigned child = 0; child < children; ++child) {
            if (one_in(4)) {
                suspend();
            }
            result << descend(below);
            result << local.sum();
        }
        if (one_in(12) && below.budget > for_a_throw) {
            ++throws_;
            throw tree_error{key};
        }
        return result.value();
    }

    [[gnu::noinline]] std::uint64_t descend(place here) {
        switch (next() % 12) {
        case 0: return visit(here);
        case 1: return in_visit(here);
        case 2: return with_room(here);
        case 3:
        case 4: return in_try(here);
        case 5: return in_catch(here);
        case 6: return keeps_exception(here);
        default: return visit(here);
        }
    }

    [[gnu::noinline]] std::uint64_t in_visit(place here) {
        place below = here;
        below.visiting = true;
        if (here.budget > for_a_throw) { // an exception that comes through is thrown again on this stack
            below.budget = unlimited;
        }
        const std::uint64_t mark = next();
        const std::uint64_t result = on_system_stack([this, below, &mark] {
            struct counted {
                unsigned& visits;
                explicit counted(unsigned& of) noexcept : visits(of) { ++visits; }
                ~counted() { --visits; }
            } const present(visits_);
            return (mixed() << visit(below) << mark).value();
        });
        return (mixed() << result << mark).value();
    }

    [[gnu::noinline]] std::uint64_t with_room(place here) {
        const std::size_t bytes = next() % 30'000;
        if (!here.visiting && here.budget > bytes + 4 * around_a_frame) {
            ensure_stack(bytes);
        }
        return visit(here);
    }

    [[gnu::noinline]] std::uint64_t in_try(place here) {
        try {
            return visit(here);
        } catch (const tree_error& caught) {
            return (mixed() << caught.key << 1).value();
        }
    }

    // Goes on below the catch block, suspends there, and perhaps throws the same again.
    [[gnu::noinline]] std::uint64_t in_catch(place here) {
        try {
            return visit(here);
        } catch (const tree_error& caught) {
            suspend();
            const std::uint64_t result = visit(here);
            if (one_in(3) && here.budget > for_a_throw) {
                throw;
            }
            return (mixed() << caught.key << result).value();
        }
    }

    [[gnu::noinline]] std::uint64_t keeps_exception(place here) {
        std::exception_ptr kept;
        std::uint64_t result = 0;
        try {
            result = visit(here);
        } catch (...) {
            kept = std::current_exception();
        }
        result = (mixed() << result << visit(here)).value();
        if (kept && here.budget > for_a_throw) {
            std::rethrow_exception(kept);
        }
        return result;
    }

    std::uint64_t state_;
    const bool may_suspend_;
    unsigned visits_ = 0; // to the worker's system stack, now
    unsigned damaged_ = 0;
    unsigned throws_ = 0;
    unsigned nodes_ = 0;
};

constexpr unsigned trees = 10'000; // per run and switch

void expect_all_trees_right(unsigned workers, unsigned count) {
    const std::uint64_t seed = (mixed() << test::test_seed()).value();
    struct outcome {
        std::uint64_t result = 0;
        unsigned damaged = 0;
        std::uint64_t moves = 0;
    };
    constexpr unsigned at_a_time = 24;
    std::vector<outcome> found(count);
    runtime running(test::with_workers(workers));
    running.run([&] {
        std::vector<join_handle<void>> batch;
        for (unsigned number = 0; number < count; ++number) {
            batch.push_back(spawn({.name = "tree", .stack = stack_kind::movable}, [&found, seed, number] {
                const auto tree = std::make_unique<call_tree>(seed + number, true);
                found[number].result = tree->run();
                found[number].damaged = tree->damaged();
                found[number].moves = this_coroutine::stack_copies();
            }));
            if (batch.size() == at_a_time || number + 1 == count) {
                for (auto& each : batch) {
                    each.join();
                }
                batch.clear();
            }
        }
    });
    std::uint64_t moves = 0;
    std::uint64_t throws = 0;
    std::uint64_t nodes = 0;
    for (unsigned number = 0; number < count; ++number) {
        call_tree still(seed + number, false);
        const std::uint64_t expected = still.run();
        ASSERT_EQ(found[number].result, expected) << "tree " << number;
        ASSERT_EQ(found[number].damaged, 0u) << "tree " << number;
        moves += found[number].moves;
        throws += still.throws();
        nodes += still.nodes();
    }
    std::printf("[  trees   ] %u trees, %llu calls, %llu throws, %llu moves\n", count,
                static_cast<unsigned long long>(nodes), static_cast<unsigned long long>(throws),
                static_cast<unsigned long long>(moves));
    EXPECT_GT(moves, count / 2); // with first segments of 4 KiB, too
    EXPECT_GT(throws, count / 20);
}

TEST(call_tree, random_ones_on_one_worker) { expect_all_trees_right(1, trees - trees / 3); }
TEST(call_tree, random_ones_on_several_workers) { expect_all_trees_right(3, trees / 3); }

} // namespace
} // namespace moor
