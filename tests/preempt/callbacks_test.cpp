// Code of other images in between: what a DLL calls back is never interrupted, since the DLL may hold a lock or be half
// done; and calls into the system come back whole, however often the caller is preempted around them.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "preempt/under_storm.hpp"
#include "support/spin.hpp"
#include "win/windows.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

constexpr auto several_slices = 60ms;

// What a callback does: keeps the worker busy, and sees whether another coroutine of it ran meanwhile.
struct observed {
    std::atomic<bool> other_ran{false};
    bool ran_within = false;
    unsigned calls = 0;

    void spin() {
        ++calls;
        if (calls > 3) { // enough was seen
            return;
        }
        const bool before = other_ran.load();
        const auto end = std::chrono::steady_clock::now() + several_slices;
        while (std::chrono::steady_clock::now() < end) {
        }
        ran_within = ran_within || (!before && other_ran.load());
    }
};

// Calls `function()` in a preemptible coroutine beside another one of the same worker, which must not get a turn in the
// callbacks that `function` causes.
template <class Function>
void expect_undisturbed(Function function) {
    runtime running(test::storm(1));
    observed seen;
    running.run([&] {
        spawn({.preemptible = true}, [&] {
            join_handle<void> other;
            function([&] {
                if (seen.calls == 0) {
                    other = spawn([&] { seen.other_ran = true; });
                }
                seen.spin();
            });
            other.join();
        }).join();
    });
    EXPECT_GT(seen.calls, 0u);
    EXPECT_FALSE(seen.ran_within);
    EXPECT_TRUE(seen.other_ran);
    EXPECT_GT(test::refused(running, preempt_refusal::other_image), 0u);
}

// The C library's functions and the system's take no closure.
std::function<void()> callback;

int compare_words(const void* left, const void* right) {
    callback();
    const auto one = *static_cast<const int*>(left);
    const auto two = *static_cast<const int*>(right);
    return one < two ? -1 : one > two ? 1 : 0;
}

TEST(preempted_callbacks, comparisons_of_qsort) {
    expect_undisturbed([](std::function<void()> called) {
        callback = std::move(called);
        std::array<int, 20> numbers{};
        for (std::size_t index = 0; index != numbers.size(); ++index) {
            numbers[index] = static_cast<int>(index * 7 % numbers.size());
        }
        std::qsort(numbers.data(), numbers.size(), sizeof numbers[0], &compare_words);
        for (std::size_t index = 0; index != numbers.size(); ++index) {
            EXPECT_EQ(numbers[index], static_cast<int>(index));
        }
    });
}

TEST(preempted_callbacks, comparisons_of_bsearch) {
    expect_undisturbed([](std::function<void()> called) {
        callback = std::move(called);
        const std::array<int, 5> numbers{1, 3, 5, 7, 9};
        const int wanted = 7;
        const void* const found =
            std::bsearch(&wanted, numbers.data(), numbers.size(), sizeof numbers[0], &compare_words);
        EXPECT_EQ(found, &numbers[3]);
    });
}

BOOL CALLBACK one_locale(LPSTR) {
    callback();
    return TRUE;
}

TEST(preempted_callbacks, enumerations_of_the_system) {
    expect_undisturbed([](std::function<void()> called) {
        callback = std::move(called);
        EXPECT_NE(::EnumSystemLocalesA(&one_locale, LCID_INSTALLED), FALSE);
    });
}

// The scope's own code around the calls is interrupted as ever: between two of them, and after the last.
TEST(preempted_callbacks, only_the_callbacks_are_spared) {
    runtime running(test::storm(1));
    running.run([&] {
        std::atomic<bool> other_ran{false};
        spawn({.preemptible = true}, [&] {
            callback = [] {};
            std::array<int, 4> numbers{3, 1, 2, 0};
            std::qsort(numbers.data(), numbers.size(), sizeof numbers[0], &compare_words);
            auto other = spawn([&] { other_ran = true; });
            const auto end = std::chrono::steady_clock::now() + 30s;
            while (!other_ran.load(std::memory_order_relaxed) && std::chrono::steady_clock::now() < end) {
            }
            EXPECT_TRUE(other_ran);
            other.join();
        }).join();
    });
}

// ---- Winsock -------------------------------------------------------------------------------------------------------

constexpr std::uint64_t preemptions = 100;

std::uint64_t next_number(std::uint64_t& state) noexcept {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

// What both ends do between their calls, so that they are preempted there.
constexpr int computing = 300'000;

class echo_under_storm : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(preemption, echo_under_storm, testing::Values(1u, 2u));

TEST_P(echo_under_storm, loses_nothing) {
    runtime running(test::storm(GetParam()));
    const test::until_preempted enough(running, test::scaled(preemptions));
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> messages{0};
    running.run([&] {
        tcp_listener listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
        constexpr int connections = 3;
        std::vector<join_handle<void>> all;
        for (int number = 0; number != connections; ++number) {
            all.push_back(spawn({.name = "server", .preemptible = true}, [&] {
                tcp_stream stream = listener.accept();
                std::array<std::byte, 512> buffer;
                while (const std::size_t count = stream.read_some(buffer)) {
                    test::count_to(computing);
                    stream.write(std::span(buffer).first(count));
                }
            }));
            all.push_back(spawn({.name = "client", .preemptible = true}, [&, number] {
                tcp_stream stream = tcp_stream::connect(listener.local_endpoint());
                auto state = static_cast<std::uint64_t>(number) + 1;
                std::array<std::byte, 1024> sent{};
                std::array<std::byte, 1024> received{};
                while (!enough.over()) {
                    for (auto& each : sent) {
                        each = static_cast<std::byte>(next_number(state));
                    }
                    const std::size_t length = 1 + next_number(state) % sent.size();
                    stream.write(std::span(sent).first(length));
                    test::count_to(computing);
                    stream.read_exactly(std::span(received).first(length));
                    for (std::size_t index = 0; index != length; ++index) {
                        wrong += sent[index] != received[index] ? 1 : 0;
                    }
                    ++messages;
                }
                stream.shutdown(shutdown_side::send);
            }));
        }
        for (auto& each : all) {
            each.join();
        }
    });
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(messages, 0u);
    EXPECT_TRUE(enough.reached());
}

} // namespace
} // namespace moor
