// Everything at once: coroutines that yield, sleep, spawn, join, stop each other, throw and change their stacks' depth
// at random, with checks of all that they can check.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

namespace moor::test {

/// What a life that fails ends with.
struct lost : std::runtime_error {
    explicit lost(std::uint32_t which) : std::runtime_error("lost"), number(which) {}
    std::uint32_t number;
};

/// Lives until `end`; each number's is repeatable as far as the scheduling is. All coroutines of it have such a stack.
class random_lives {
public:
    using steady = std::chrono::steady_clock;

    random_lives(std::uint32_t seed, steady::time_point end, stack_kind stack = stack_kind::reserved)
        : seed_(seed), end_(end), stack_(stack) {}

    /// One coroutine's life. Returns its own number, or throws lost(number), as the number says.
    std::uint32_t live(unsigned depth, std::uint32_t number) {
        lives_.fetch_add(1);
        std::minstd_rand random(seed_ ^ (number * 2654435761u + 1));
        const auto id = this_coroutine::id();
        std::vector<std::pair<std::uint32_t, join_handle<std::uint32_t>>> children;
        for (auto steps = random() % 12; steps > 0 && steady::now() < end_; --steps) {
            step(random, depth, number, children);
            check(id == this_coroutine::id());
        }
        for (auto& [child, handle] : children) {
            expect_result(child, handle);
        }
        if (fails(number)) {
            throw lost(number);
        }
        return number;
    }

    [[nodiscard]] static bool fails(std::uint32_t number) { return number % 5 == 0; }
    [[nodiscard]] std::uint64_t errors() const { return errors_.load(); }
    [[nodiscard]] std::uint64_t lives() const { return lives_.load(); }
    [[nodiscard]] std::uint32_t new_number() { return numbers_.fetch_add(1); }

private:
    using family = std::vector<std::pair<std::uint32_t, join_handle<std::uint32_t>>>;

    void check(bool holds) { errors_.fetch_add(holds ? 0 : 1); }

    void step(std::minstd_rand& random, unsigned depth, std::uint32_t number, family& children) {
        switch (random() % 8) {
        case 0:
        case 1: this_coroutine::yield(); break;
        case 2: {
            const auto until = steady::now() + std::chrono::microseconds(random() % 2000);
            this_coroutine::sleep_until(until);
            check(steady::now() >= until);
            break;
        }
        case 3:
        case 4:
            if (depth < 4) {
                const auto child = new_number();
                children.emplace_back(
                    child, spawn({.stack = stack_}, [this, depth, child] { return live(depth + 1, child); }));
            }
            break;
        case 5:
            if (!children.empty()) {
                auto [child, handle] = std::move(children.back());
                children.pop_back();
                expect_result(child, handle);
            }
            break;
        case 6: check(descend(random() % 40, number) == number); break;
        default: stop_a_sleeper(random); break;
        }
    }

    void expect_result(std::uint32_t child, join_handle<std::uint32_t>& handle) {
        try {
            check(handle.join() == child && !fails(child));
        } catch (const lost& error) {
            check(error.number == child && fails(child));
        }
    }

    // Frames of a kilobyte with a pattern, a suspension in the deepest, and perhaps an exception on the way back.
    std::uint32_t descend(std::uint_fast32_t levels, std::uint32_t number) {
        std::array<std::uint32_t, 256> frame;
        frame.fill(number);
        std::uint32_t below = number;
        if (levels == 0) {
            this_coroutine::yield();
        } else {
            try {
                below = descend(levels - 1, number);
                if (levels % 8 == 0) {
                    throw lost(number);
                }
            } catch (const lost& error) {
                this_coroutine::yield();
                check(error.number == number);
            }
        }
        for (const auto each : frame) {
            check(each == number);
        }
        return below;
    }

    void stop_a_sleeper(std::minstd_rand& random) {
        auto sleeper = spawn({.stack = stack_}, [] {
            try {
                this_coroutine::sleep_for(std::chrono::hours(1));
                return false;
            } catch (const std::system_error& error) {
                return error.code() == std::errc::operation_canceled;
            }
        });
        for (auto turns = random() % 4; turns > 0; --turns) {
            this_coroutine::yield();
        }
        sleeper.request_stop();
        check(sleeper.join());
    }

    const std::uint32_t seed_;
    const steady::time_point end_;
    const stack_kind stack_;
    std::atomic<std::uint32_t> numbers_{1};
    std::atomic<std::uint64_t> errors_{0};
    std::atomic<std::uint64_t> lives_{0};
};

} // namespace moor::test
