// Exceptions on stacks that move: thrown, caught, rethrown and kept around growth, thrown by destructors while another
// one is in flight, and with suspensions in their handlers.
#include <array>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>

#include "stack/on_movable.hpp"
#include "support/child.hpp"

namespace moor {
namespace {

using test::grow_by_kibibytes;
using testing::AllOf;
using testing::HasSubstr;

struct thrown {
    int value;
    std::string text = "a text that does not fit into the string object itself";
    [[nodiscard]] bool is(int expected) const { return value == expected && text.size() == 54; }
};

struct frame_check { // counts its orderly ends
    unsigned& ends;
    std::uint64_t mark = 0x1234567890abcdef;
    explicit frame_check(unsigned& counter) noexcept : ends(counter) { test::keep(*this); }
    frame_check(const frame_check&) = delete;
    frame_check& operator=(const frame_check&) = delete;
    ~frame_check() { ends += mark == 0x1234567890abcdef ? 1 : 1000; }
};

[[gnu::noinline]] void throw_below(unsigned depth, int value, unsigned& ends) {
    const frame_check check(ends);
    std::array<std::uint64_t, 40> frame{};
    test::keep(frame);
    if (depth == 0) {
        throw thrown{value};
    }
    throw_below(depth - 1, value, ends);
    test::keep(frame);
}

TEST(moved_exceptions, are_caught_after_growth_below_and_before_growth_above) {
    const unsigned wrong = test::on_movable([] {
        unsigned count = 0;
        for (const unsigned depth : {0u, 1u, 2u, 5u, 20u, 100u, 500u}) {
            unsigned ends = 0;
            std::uint64_t local = depth;
            std::uint64_t* pointer = &local;
            try {
                throw_below(depth, static_cast<int>(depth), ends);
                ++count;
            } catch (const thrown& caught) {
                count += grow_by_kibibytes(depth) ? 0 : 1; // in the handler
                count += caught.is(static_cast<int>(depth)) ? 0 : 1;
            }
            count += ends == depth + 1 && pointer == &local && *pointer == depth ? 0 : 1;
            count += grow_by_kibibytes(depth + 5) ? 0 : 1; // after it
        }
        return count;
    });
    EXPECT_EQ(wrong, 0u);
}

TEST(moved_exceptions, are_rethrown_after_growth_in_the_handler) {
    const auto caught_by = test::on_movable([] {
        std::vector<int> seen;
        unsigned ends = 0;
        for (const unsigned kibibytes : {0u, 1u, 3u, 10u, 30u, 70u, 200u}) {
            try {
                const frame_check outer(ends);
                try {
                    const frame_check inner(ends);
                    try {
                        throw_below(3, 5, ends);
                    } catch (const thrown& caught) {
                        static_cast<void>(grow_by_kibibytes(kibibytes));
                        seen.push_back(caught.is(5) ? 1 : -1);
                        throw;
                    }
                } catch (thrown& caught) {
                    this_coroutine::yield();
                    static_cast<void>(grow_by_kibibytes(kibibytes + 40));
                    seen.push_back(caught.is(5) ? 2 : -2);
                    caught.value = 6;
                    throw;
                }
            } catch (const thrown& caught) {
                seen.push_back(caught.is(6) ? 3 : -3);
            }
        }
        seen.push_back(static_cast<int>(ends));
        return seen;
    });
    std::vector<int> expected;
    for (int round = 0; round < 7; ++round) {
        expected.insert(expected.end(), {1, 2, 3});
    }
    expected.push_back(7 * 6);
    EXPECT_EQ(caught_by, expected);
}

TEST(moved_exceptions, are_kept_and_thrown_by_others) {
    const unsigned right = test::in_runtime(1, [] {
        std::vector<join_handle<std::exception_ptr>> makers;
        for (int number = 0; number < 20; ++number) {
            makers.push_back(spawn({.stack = stack_kind::movable}, [number] {
                unsigned ends = 0;
                try {
                    throw_below(static_cast<unsigned>(number), number, ends);
                } catch (...) {
                    auto kept = std::current_exception();
                    static_cast<void>(grow_by_kibibytes(static_cast<unsigned>(number) * 2));
                    this_coroutine::yield();
                    return kept;
                }
                return std::exception_ptr();
            }));
        }
        unsigned count = 0;
        for (int number = 0; number < 20; ++number) {
            const auto kept = makers[static_cast<std::size_t>(number)].join();
            const auto taker = [kept, number](unsigned before) {
                static_cast<void>(grow_by_kibibytes(before));
                try {
                    std::rethrow_exception(kept);
                } catch (const thrown& caught) {
                    return caught.is(number) && grow_by_kibibytes(before + 10) ? 1u : 0u;
                }
            };
            auto first = spawn({.stack = stack_kind::movable}, taker, 0u);
            auto second = spawn({.stack = stack_kind::movable}, taker, 20u);
            count += first.join() + second.join();
        }
        return count;
    });
    EXPECT_EQ(right, 40u);
}

// While an exception passes, destructors call on, throw and catch.
struct throwing_end {
    unsigned& caught;
    unsigned depth;
    [[gnu::noinline]] ~throwing_end() {
        std::array<std::uint64_t, 60> frame{};
        test::keep(frame);
        unsigned ends = 0;
        try {
            throw_below(depth, 8, ends);
        } catch (const thrown& inner) {
            caught += inner.is(8) && std::uncaught_exceptions() == 1 && ends == depth + 1 ? 1 : 1000;
        }
        test::keep(frame);
    }
};
[[gnu::noinline]] void throw_through_throwing_ends(unsigned count, unsigned& caught) {
    const throwing_end present{caught, count % 5};
    if (count == 0) {
        throw thrown{9};
    }
    throw_through_throwing_ends(count - 1, caught);
}
TEST(moved_exceptions, pass_destructors_that_throw_and_catch) {
    const auto counts = test::on_movable([] {
        std::vector<unsigned> seen;
        for (const unsigned frames : {0u, 1u, 4u, 30u}) {
            unsigned caught = 0;
            try {
                throw_through_throwing_ends(frames, caught);
            } catch (const thrown& outer) {
                caught += outer.is(9) && std::uncaught_exceptions() == 0 ? 0 : 10'000;
            }
            seen.push_back(caught);
        }
        return seen;
    });
    EXPECT_EQ(counts, (std::vector<unsigned>{1, 2, 5, 31}));
}

struct suspending_end {
    unsigned& ends;
    ~suspending_end() {
        this_coroutine::yield();
        ++ends;
    }
};
// Many at a time, so that all sorts of states are swapped in between.
TEST(moved_exceptions, suspend_in_handlers_and_while_unwinding) {
    const unsigned right = test::in_runtime(2, [] {
        std::vector<join_handle<bool>> all;
        for (int number = 0; number < 60; ++number) {
            all.push_back(spawn({.stack = stack_kind::movable}, [number] {
                bool fine = true;
                for (int round = 0; round < 10; ++round) {
                    unsigned ends = 0;
                    try {
                        const suspending_end last{ends};
                        try {
                            const suspending_end first{ends};
                            throw_below(static_cast<unsigned>((number + round) % 7), number, ends);
                        } catch (const thrown& caught) {
                            this_coroutine::yield();
                            fine &= caught.is(number) && std::uncaught_exceptions() == 0;
                            fine &= grow_by_kibibytes(static_cast<unsigned>(round));
                            this_coroutine::yield();
                            throw;
                        }
                    } catch (const thrown& caught) {
                        fine &= caught.is(number);
                        try {
                            this_coroutine::yield();
                            throw std::runtime_error("another");
                        } catch (const std::runtime_error&) {
                            this_coroutine::yield();
                        }
                        fine &= caught.is(number);
                    }
                    fine &= ends == static_cast<unsigned>((number + round) % 7) + 3;
                }
                return fine;
            }));
        }
        unsigned count = 0;
        for (auto& each : all) {
            count += each.join() ? 1 : 0;
        }
        return count;
    });
    EXPECT_EQ(right, 60u);
}

// The library's own, which are thrown by code without stack checks.
TEST(moved_exceptions, of_the_library) {
    const unsigned right = test::on_movable([] {
        unsigned count = 0;
        auto other = spawn({.stack = stack_kind::movable}, [] { this_coroutine::sleep_for(std::chrono::hours(1)); });
        try {
            other.join(std::chrono::milliseconds(1));
        } catch (const std::system_error& late) {
            count += late.code() == std::errc::timed_out ? 1 : 0;
        }
        other.request_stop();
        try {
            other.join();
        } catch (const std::system_error& stopped) {
            count += stopped.code() == std::errc::operation_canceled ? 1 : 0;
        }
        try {
            spawn({.stack = stack_kind::movable, .worker = 7u}, [] {}).join();
        } catch (const std::system_error& refused) {
            count += refused.code() == std::errc::invalid_argument ? 1 : 0;
        }
        return count + (grow_by_kibibytes(100) ? 1 : 0);
    });
    EXPECT_EQ(right, 4u);
}

TEST(moved_exceptions, leave_the_coroutine) {
    EXPECT_THROW(test::on_movable([] {
                     unsigned ends = 0;
                     throw_below(50, 1, ends);
                 }),
                 thrown);
}

const test::scenario grows_in_flight("grows_in_flight", [] {
    struct greedy_end {
        [[gnu::noinline]] ~greedy_end() { static_cast<void>(grow_by_kibibytes(100)); }
    };
    test::on_movable(
        [] {
            try {
                const greedy_end present;
                throw 1;
            } catch (int) {
            }
        },
        {.name = "greedy"});
});
TEST(moved_exceptions, in_flight_that_meet_too_little_room_end_the_process_with_a_message) {
    const auto end = test::run_in_child(grows_in_flight);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("'greedy' needs "), HasSubstr("an exception is in flight")));
}

} // namespace
} // namespace moor
