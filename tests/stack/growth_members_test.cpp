// Growth in every kind of function that C++ has: constructors, destructors, lambdas, virtual functions and those called
// through member pointers, initialisers of local statics. The objects lie on the stack that moves.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stack/on_movable.hpp"

namespace moor {
namespace {

using test::large_local;
using test::mixed;

/// Runs `body` on a fresh movable stack; it has to return the same there as on a plain thread, and to have moved.
template <class Body>
void expect_same_when_it_grows(Body body) {
    struct seen {
        std::uint64_t result;
        std::uint64_t moves;
    };
    const std::uint64_t expected = body();
    const seen found = test::on_movable([body] {
        const std::uint64_t result = body();
        return seen{result, this_coroutine::stack_copies()};
    });
    EXPECT_EQ(found.result, expected);
    EXPECT_GE(found.moves, 1u);
}

class part {
public:
    [[gnu::noinline]] explicit part(std::uint64_t value) : value_(value) { const large_local local; }
    [[gnu::noinline]] part(const part& other) : value_(other.value_ + 1) { const large_local local; }
    [[gnu::noinline]] ~part() {
        const large_local local;
        last_destroyed = value_;
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

    static inline std::uint64_t last_destroyed = 0; // one coroutine at a time

private:
    std::uint64_t value_;
};

class whole : part {
public:
    [[gnu::noinline]] explicit whole(std::uint64_t value)
        : part(value), first_(value + 1), self_(this), second_(first_) {
        const large_local local;
    }
    [[nodiscard]] std::uint64_t sum() const noexcept {
        return (mixed() << part::value() << first_.value() << second_.value() << (self_ == this)).value();
    }

private:
    part first_;
    whole* self_;
    part second_;
};

TEST(growth_members, in_constructors_of_bases_and_members) {
    expect_same_when_it_grows([] { return whole(10).sum(); });
}

TEST(growth_members, in_destructors) {
    expect_same_when_it_grows([] {
        struct noter { // grows first in its end
            std::uint64_t& into;
            std::uint64_t value;
            [[gnu::noinline]] ~noter() {
                const large_local local;
                into = value;
            }
        };
        std::uint64_t noted = 0;
        std::uint64_t other = 0;
        {
            const noter outer{noted, 5};
            const noter inner{other, noted + 7};
        }
        return (mixed() << noted << other).value();
    });
    expect_same_when_it_grows([] {
        { const whole made(20); }
        return part::last_destroyed;
    });
}

TEST(growth_members, in_lambdas_with_captures_of_all_kinds) {
    expect_same_when_it_grows([] {
        std::uint64_t counted = 3;
        const std::string text = "a text that is too long for the object itself";
        const auto owned = std::make_unique<std::uint64_t>(9);
        auto inner = [&counted, text, pointer = owned.get()](std::uint64_t more) {
            const large_local local;
            counted += more + *pointer;
            return text.size();
        };
        auto outer = [&inner, &counted] {
            const large_local local;
            const auto size = inner(counted);
            return size + inner(1);
        };
        return (mixed() << outer() << counted).value();
    });
}

TEST(growth_members, in_functions_behind_std_function) {
    expect_same_when_it_grows([] {
        std::uint64_t reached = 0;
        const std::function<std::uint64_t(std::uint64_t)> held = [](std::uint64_t value) {
            const large_local local;
            return value * 3;
        };
        for (std::uint64_t round = 1; round < 4; ++round) {
            reached += held(round);
        }
        return reached;
    });
}

struct shape {
    shape() = default;
    shape(const shape&) = delete;
    shape& operator=(const shape&) = delete;
    virtual ~shape() = default;
    [[nodiscard]] virtual std::uint64_t area(std::uint64_t scale) const = 0;
    [[gnu::noinline]] std::uint64_t twice(std::uint64_t scale) const {
        const large_local local;
        return 2 * area(scale);
    }
};
struct named {
    std::uint64_t name = 77;
    named() = default;
    named(const named&) = delete;
    named& operator=(const named&) = delete;
    virtual ~named() = default;
    [[nodiscard]] virtual std::uint64_t called() const { return name; }
};
struct square final : shape, named { // the second base is called through a thunk
    std::uint64_t side;
    explicit square(std::uint64_t length) : side(length) {}
    [[gnu::noinline]] ~square() override { const large_local local; }
    [[nodiscard, gnu::noinline]] std::uint64_t area(std::uint64_t scale) const override {
        const large_local local;
        return side * side * scale;
    }
    [[nodiscard, gnu::noinline]] std::uint64_t called() const override {
        const large_local local;
        return side + name;
    }
};

TEST(growth_members, in_virtual_functions_and_thunks) {
    expect_same_when_it_grows([] {
        const square made(6);
        const shape* as_shape = &made;
        const named* as_named = &made;
        asm volatile("" : "+r"(as_shape), "+r"(as_named)); // no devirtualising
        const auto called = as_named->called();
        return (mixed() << called << as_shape->area(2) << as_shape->twice(3)).value();
    });
}

TEST(growth_members, through_member_pointers) {
    expect_same_when_it_grows([] {
        const square made(4);
        std::uint64_t (shape::*area)(std::uint64_t) const = &shape::area;
        std::uint64_t (shape::*twice)(std::uint64_t) const = &shape::twice;
        asm volatile("" : "+m"(area), "+m"(twice));
        const shape& as_shape = made;
        return (mixed() << (as_shape.*area)(5) << (as_shape.*twice)(6)).value();
    });
}

TEST(growth_members, in_the_initialiser_of_a_local_static) {
    const auto value = [] {
        static const std::uint64_t made = [] {
            const large_local local;
            return this_coroutine::stack_copies() + 100;
        }();
        return made;
    };
    EXPECT_GT(test::on_movable(value), 100u);
    EXPECT_EQ(value(), test::on_movable(value));
}

// Objects in the frame and on the heap, with the containers that the promise allows.
[[gnu::noinline]] std::uint64_t fill(std::vector<std::string>& texts, unsigned depth) {
    const std::string own(depth + 10, static_cast<char>('a' + depth % 26)); // short ones lie in their object
    texts.push_back(own);
    const std::uint64_t below = depth == 0 ? 0 : fill(texts, depth - 1);
    return below + (texts[texts.size() - 1].empty() ? 1000 : 0) + own.size() + static_cast<unsigned char>(own.front());
}
TEST(growth_members, with_strings_and_vectors_in_all_frames) {
    expect_same_when_it_grows([] {
        std::vector<std::string> texts;
        std::uint64_t result = fill(texts, 200);
        for (const auto& text : texts) {
            result += text.size() * static_cast<unsigned char>(text.back());
        }
        return result;
    });
}

} // namespace
} // namespace moor
