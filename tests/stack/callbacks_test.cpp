// Callbacks: Win32 and C functions that are called on the worker's system stack and call back into code with stack
// checks. The chain of frames then leads from that stack over to the coroutine's.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stack/on_movable.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using test::grow_by_kibibytes;

// With frames of its own, deep ones now and then.
int compare(const void* left, const void* right) {
    std::array<std::uint64_t, 200> frame;
    frame.fill(9);
    test::keep(frame);
    const int first = *static_cast<const int*>(left);
    const int second = *static_cast<const int*>(right);
    if (first % 64 == 0 && !grow_by_kibibytes(50)) {
        std::abort();
    }
    return first < second ? -1 : first > second ? 1 : 0;
}

TEST(callbacks, of_qsort_on_an_array_in_the_frame) {
    const bool sorted = test::on_movable([] {
        std::array<int, 700> numbers;
        std::minstd_rand random(7);
        for (int& each : numbers) {
            each = static_cast<int>(random() % 10'000);
        }
        on_system_stack([&] { std::qsort(numbers.data(), numbers.size(), sizeof(int), compare); });
        return std::is_sorted(numbers.begin(), numbers.end());
    });
    EXPECT_TRUE(sorted);
}

struct collected {
    std::vector<std::wstring> names;
    unsigned deep = 0;
    unsigned thrown = 0;
};

BOOL CALLBACK collect_locale(LPWSTR name, DWORD, LPARAM context) {
    auto& into = *reinterpret_cast<collected*>(context);
    into.names.emplace_back(name);
    into.deep += grow_by_kibibytes(20) ? 1 : 0;
    try { // an exception may not leave the callback, but may be in it
        if (into.names.size() % 16 == 1) {
            throw std::runtime_error("within");
        }
    } catch (const std::runtime_error&) {
        ++into.thrown;
    }
    return into.names.size() < 100 ? TRUE : FALSE;
}

TEST(callbacks, of_an_enumeration_with_split_stack_code_and_exceptions) {
    struct seen {
        std::size_t names;
        unsigned deep;
        unsigned thrown;
        bool in_place;
        std::uint64_t grown_later;
    };
    const seen found = test::on_movable([] {
        collected all; // in the frame: the call holds its address, and the stack stays for as long
        const bool stayed = on_system_stack([&] {
            const test::former_place place(&all);
            ::EnumSystemLocalesEx(collect_locale, LOCALE_ALL, reinterpret_cast<LPARAM>(&all), nullptr);
            return place.is_where(&all);
        });
        const auto before = this_coroutine::stack_copies();
        static_cast<void>(grow_by_kibibytes(100));
        return seen{all.names.size(), all.deep, all.thrown, stayed, this_coroutine::stack_copies() - before};
    });
    EXPECT_GE(found.names, 10u);
    EXPECT_EQ(found.deep, found.names);
    EXPECT_EQ(found.thrown, (found.names + 15) / 16);
    EXPECT_TRUE(found.in_place);
    EXPECT_GE(found.grown_later, 1u);
}

// Callbacks that visit again, which is an ordinary call, and enumerations within enumerations.
BOOL CALLBACK nest(LPWSTR, DWORD, LPARAM context) {
    auto& calls = *reinterpret_cast<unsigned*>(context);
    calls += on_system_stack([] {
        collected inner;
        ::EnumSystemLocalesEx(collect_locale, LOCALE_ALL, reinterpret_cast<LPARAM>(&inner), nullptr);
        return inner.names.size() >= 10 ? 1u : 0u;
    });
    return calls < 3 ? TRUE : FALSE;
}
TEST(callbacks, within_callbacks) {
    const unsigned calls = test::on_movable([] {
        unsigned counted = 0;
        on_system_stack([&] { ::EnumSystemLocalesEx(nest, LOCALE_ALL, reinterpret_cast<LPARAM>(&counted), nullptr); });
        return counted;
    });
    EXPECT_EQ(calls, 3u);
}

// Many coroutines, each of which has callbacks while others' stacks are parked and have moved.
TEST(callbacks, of_many_coroutines_in_turn) {
    const unsigned right = test::in_runtime(2, [] {
        std::vector<join_handle<bool>> all;
        for (int number = 0; number < 50; ++number) {
            all.push_back(spawn({.stack = stack_kind::movable}, [number] {
                bool fine = true;
                for (int round = 0; round < 5; ++round) {
                    std::array<int, 40> numbers;
                    for (std::size_t index = 0; index < numbers.size(); ++index) {
                        numbers[index] = static_cast<int>((index * 37 + static_cast<unsigned>(number)) % 41);
                    }
                    on_system_stack([&] { std::qsort(numbers.data(), numbers.size(), sizeof(int), compare); });
                    this_coroutine::yield();
                    fine = fine && std::is_sorted(numbers.begin(), numbers.end()) && grow_by_kibibytes(3);
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
    EXPECT_EQ(right, 50u);
}

BOOL CALLBACK count_window(HWND, LPARAM context) {
    ++*reinterpret_cast<unsigned*>(context);
    return grow_by_kibibytes(20) ? TRUE : FALSE;
}

// Without a display there may be none, but the call has to come back.
TEST(callbacks, of_the_enumeration_of_windows) {
    const bool came_back = test::on_movable([] {
        unsigned windows = 0;
        on_system_stack([&] { ::EnumWindows(count_window, reinterpret_cast<LPARAM>(&windows)); });
        return grow_by_kibibytes(10);
    });
    EXPECT_TRUE(came_back);
}

LRESULT CALLBACK window_procedure(HWND window, UINT message, WPARAM first, LPARAM second) {
    if (message == WM_USER) {
        return grow_by_kibibytes(static_cast<unsigned>(first)) ? second + 1 : 0;
    }
    return ::DefWindowProcW(window, message, first, second);
}

// Returns the sum of what its procedure answered; -1 when there is no window to be had.
LRESULT talk_to_window() {
    WNDCLASSEXW kind{};
    kind.cbSize = sizeof kind;
    kind.lpfnWndProc = window_procedure;
    kind.hInstance = ::GetModuleHandleW(nullptr);
    kind.lpszClassName = L"moor test";
    ::RegisterClassExW(&kind);
    const HWND window =
        ::CreateWindowExW(0, kind.lpszClassName, L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, kind.hInstance, nullptr);
    if (window == nullptr) {
        return -1;
    }
    LRESULT sum = 0;
    for (LPARAM round = 0; round < 10; ++round) {
        sum += ::SendMessageW(window, WM_USER, static_cast<WPARAM>(round * 5), round);
    }
    ::DestroyWindow(window);
    return sum;
}

TEST(callbacks, of_a_window_procedure) {
    const LRESULT sum = test::on_movable([] { return on_system_stack(talk_to_window); });
    if (sum == -1) {
        GTEST_SKIP() << "this system makes no windows";
    }
    EXPECT_EQ(sum, 55);
}

} // namespace
} // namespace moor
