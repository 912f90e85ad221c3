// What else belongs to a running coroutine: last error, errno, floating-point control, and the thread environment
// block's idea of the stack.
#include "context/switch.hpp"

#include <array>
#include <cerrno>
#include <cfenv>
#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "stack/reserved_stack.hpp"
#include "support/run.hpp"
#include "win/teb.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using win::teb::field;

// Ways to suspend; each also lets the runtime make system calls, some of which fail on the way.
void suspend(unsigned how) {
    switch (how % 4) {
    case 0: this_coroutine::yield(); break;
    case 1: this_coroutine::sleep_for(std::chrono::microseconds(100)); break;
    case 2: spawn([] { this_coroutine::yield(); }).join(); break;
    default: {
        std::error_code error;
        auto sleeper = spawn([] { this_coroutine::sleep_for(300us); });
        sleeper.wait(50us, error);
        sleeper.wait({}, error);
        break;
    }
    }
}

class thread_state_on : public testing::TestWithParam<unsigned> {
protected:
    /// Runs `body(number)` on `count` coroutines at once.
    template <class Body>
    void interleave(unsigned count, Body body) const {
        test::in_runtime(GetParam(), [count, body] {
            std::vector<join_handle<void>> handles;
            for (unsigned number = 1; number <= count; ++number) {
                handles.push_back(spawn(body, number));
            }
            for (auto& handle : handles) {
                handle.join();
            }
        });
    }
};
INSTANTIATE_TEST_SUITE_P(workers, thread_state_on, testing::Values(1u, 2u, 4u));

TEST_P(thread_state_on, the_last_error_is_there_after_a_suspension) {
    interleave(16, [](unsigned number) {
        for (unsigned round = 0; round < 40; ++round) {
            ::SetLastError(number * 1000 + round);
            suspend(round + number);
            ASSERT_EQ(::GetLastError(), number * 1000 + round);
        }
    });
}

TEST_P(thread_state_on, the_last_error_of_a_failed_call_is_there_after_a_suspension) {
    interleave(16, [](unsigned number) {
        for (unsigned round = 0; round < 20; ++round) {
            const bool first = (round + number) % 2 == 0;
            if (first) {
                ASSERT_EQ(::CloseHandle(reinterpret_cast<HANDLE>(std::uintptr_t{0x7ffffff0})), FALSE);
            } else {
                ASSERT_EQ(::GetFileAttributesW(L"no such file"), INVALID_FILE_ATTRIBUTES);
            }
            suspend(round);
            ASSERT_EQ(::GetLastError(), first ? ERROR_INVALID_HANDLE : ERROR_FILE_NOT_FOUND);
        }
    });
}

TEST_P(thread_state_on, errno_is_there_after_a_suspension) {
    interleave(16, [](unsigned number) {
        for (unsigned round = 0; round < 40; ++round) {
            errno = static_cast<int>(number * 100 + round);
            suspend(round + number);
            ASSERT_EQ(errno, static_cast<int>(number * 100 + round));
        }
    });
}

TEST(thread_state, a_new_coroutine_starts_with_no_error) {
    test::in_runtime(1, [] {
        ::SetLastError(17);
        errno = 18;
        spawn([] {
            EXPECT_EQ(::GetLastError(), 0u);
            EXPECT_EQ(errno, 0);
        }).join();
        EXPECT_EQ(::GetLastError(), 17u);
        EXPECT_EQ(errno, 18);
    });
}

TEST(thread_state, what_does_not_suspend_leaves_the_last_error_alone) {
    test::in_runtime(2, [] {
        ::SetLastError(17);
        this_coroutine::yield();
        EXPECT_EQ(::GetLastError(), 17u);
        const auto id = this_coroutine::id();
        const auto there = this_coroutine::exists();
        EXPECT_TRUE(there && id != 0);
        EXPECT_EQ(::GetLastError(), 17u);
    });
}

// MXCSR: rounding, flushing of denormals, and exceptions masked or not.
TEST_P(thread_state_on, each_has_its_own_mxcsr) {
    interleave(16, [](unsigned number) {
        const std::array<unsigned, 4> settings = {0x1f80, 0x1f80 | _MM_ROUND_UP, 0x1f80 | _MM_FLUSH_ZERO_ON,
                                                  0x1f80 | _MM_ROUND_DOWN};
        const unsigned mine = settings[number % settings.size()];
        const unsigned before = _mm_getcsr();
        _mm_setcsr(mine);
        for (unsigned round = 0; round < 20; ++round) {
            suspend(round + number);
            const unsigned seen = _mm_getcsr() & ~0x3fu; // the sticky flags at the low end are no control state
            if (seen != mine) {
                _mm_setcsr(before);
                ASSERT_EQ(seen, mine);
            }
        }
        _mm_setcsr(before);
    });
}

// Results depend on the rounding direction, of the vector unit (double) and of the x87 (long double with GCC and
// Clang).
TEST_P(thread_state_on, each_rounds_in_its_own_direction) {
    struct thirds {
        double narrow;
        long double wide;
        static thirds now() {
            const volatile double one = 1; // volatile keeps the divisions between the calls around them
            const volatile double three = 3;
            const volatile double narrow_third = one / three;
            const volatile long double wide_one = 1;
            const volatile long double wide_three = 3;
            const volatile long double wide_third = wide_one / wide_three;
            return {narrow_third, wide_third};
        }
        bool operator==(const thirds&) const = default;
    };
    const auto rounded = [](int direction) {
        std::fesetround(direction);
        const thirds seen = thirds::now();
        std::fesetround(FE_TONEAREST);
        return seen;
    };
    const thirds up = rounded(FE_UPWARD);
    const thirds down = rounded(FE_DOWNWARD);
    ASSERT_GT(up.narrow, down.narrow);
    ASSERT_GT(up.wide, down.wide);
    interleave(16, [up, down](unsigned number) {
        const bool upward = number % 2 == 0;
        bool right = true;
        std::fesetround(upward ? FE_UPWARD : FE_DOWNWARD);
        for (unsigned round = 0; round < 20; ++round) {
            suspend(round + number);
            right = right && thirds::now() == (upward ? up : down) &&
                    std::fegetround() == (upward ? FE_UPWARD : FE_DOWNWARD);
        }
        std::fesetround(FE_TONEAREST);
        EXPECT_TRUE(right);
    });
}

// ---- The thread environment block ----------------------------------------------------------------------------------

struct stack_fields {
    std::uint64_t base = win::teb::read(field::stack_base);
    std::uint64_t limit = win::teb::read(field::stack_limit);
    std::uint64_t lowest = win::teb::read(field::deallocation_stack);
    std::uint64_t exception_list = win::teb::read(field::exception_list);
    std::uint32_t guaranteed = win::teb::read_32(field::guaranteed_stack_bytes);
};

void check_stack_fields() {
    const stack_fields seen;
    const char on_stack = 0;
    const auto here = reinterpret_cast<std::uint64_t>(&on_stack);
    ASSERT_LT(here, seen.base);
    ASSERT_GE(here, seen.limit) << "what runs is committed";
    ASSERT_GT(seen.limit, seen.lowest);
    ASSERT_EQ(seen.base - seen.lowest, this_coroutine::stack_size() + stack::reserved_stack::kept_below);
    ASSERT_EQ(seen.exception_list, ~std::uint64_t{0});
    ASSERT_EQ(seen.guaranteed, std::uint32_t{16 * 1024});
    ASSERT_TRUE(win::teb::on_current_stack(&on_stack));
}

TEST_P(thread_state_on, the_system_knows_the_stack_that_runs) {
    interleave(16, [](unsigned number) {
        check_stack_fields();
        const stack_fields before;
        for (unsigned round = 0; round < 20; ++round) {
            suspend(round + number);
            check_stack_fields();
            const stack_fields after;
            ASSERT_EQ(after.base, before.base);
            ASSERT_EQ(after.lowest, before.lowest);
            ASSERT_LE(after.limit, before.limit);
        }
    });
}

TEST(thread_state, an_address_of_another_stack_is_not_on_this_one) {
    test::in_runtime(1, [] {
        const int here = 0;
        spawn([&here] { EXPECT_FALSE(win::teb::on_current_stack(&here)); }).join();
        EXPECT_TRUE(win::teb::on_current_stack(&here));
    });
}

TEST(thread_state, a_plain_threads_own_stack_stays_its_own) {
    const stack_fields before;
    test::in_runtime(2, [] { suspend(1); });
    const stack_fields after;
    EXPECT_EQ(after.base, before.base);
    EXPECT_EQ(after.lowest, before.lowest);
    EXPECT_EQ(after.exception_list, before.exception_list);
    EXPECT_EQ(after.guaranteed, before.guaranteed);
}

// The registers that a function may expect to find as it left them, with values that the optimizer cannot know.
TEST_P(thread_state_on, preserved_registers_survive) {
    interleave(8, [](unsigned number) {
        std::array<double, 10> doubles;
        std::array<std::uint64_t, 8> integers;
        for (std::size_t index = 0; index < doubles.size(); ++index) {
            doubles[index] = number * 1.25 + static_cast<double>(index);
        }
        for (std::size_t index = 0; index < integers.size(); ++index) {
            integers[index] = number * 1000 + index;
        }
        // Locals that live across the suspensions are in xmm6-xmm15 and the callee-saved integer registers.
        double a = doubles[0], b = doubles[1], c = doubles[2], d = doubles[3], e = doubles[4];
        std::uint64_t i = integers[0], j = integers[1], k = integers[2], l = integers[3];
        for (unsigned round = 0; round < 50; ++round) {
            suspend(round);
            a += 1;
            b += a;
            c += b;
            d += c;
            e += d;
            i += 1;
            j += i;
            k += j;
            l += k;
        }
        double a2 = doubles[0], b2 = doubles[1], c2 = doubles[2], d2 = doubles[3], e2 = doubles[4];
        std::uint64_t i2 = integers[0], j2 = integers[1], k2 = integers[2], l2 = integers[3];
        for (unsigned round = 0; round < 50; ++round) {
            a2 += 1;
            b2 += a2;
            c2 += b2;
            d2 += c2;
            e2 += d2;
            i2 += 1;
            j2 += i2;
            k2 += j2;
            l2 += k2;
        }
        EXPECT_EQ(e, e2);
        EXPECT_EQ(l, l2);
    });
}

} // namespace
} // namespace moor
