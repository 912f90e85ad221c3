// Every overlapped call on a stack that has moved just before and moves after it. While the call is pending others use
// the places that the stack has left, or nobody can, and the adversary overwrites every output: nothing of that shows
// but in the operation.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <moor/overlapped.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>

#include "stack/on_movable.hpp"
#include "support/eventually.hpp"
#include "support/every_call.hpp"

namespace moor::test {
namespace {

constexpr unsigned rounds = 12;
constexpr std::uint32_t users_bytes = 200; // that a user's own call transfers

struct result {
    bool right = true;
    std::uint64_t moves = 0;
};

// A stack that has grown, and so has left one place after another, makes a call.
result grow_and_call(const overlapped_call& call, any_socket& socket, unsigned kibibytes) {
    result seen;
    bool intact = false;
    std::error_code error;
    std::size_t count = 0;
    const bool frames = below_frame<700>(static_cast<std::uint8_t>(kibibytes), [&] {
        seen.right = grow_by_kibibytes(kibibytes);
        count = call.run(socket, {}, error, intact);
    });
    seen.right = seen.right && frames && count == call.bytes && !error && intact && grow_by_kibibytes(kibibytes);
    seen.moves = this_coroutine::stack_copies();
    return seen;
}

// Moves in where others have moved out, and looks whether it is alone there.
bool live_nearby(const bool& over) {
    bool right = true;
    for (unsigned round = 0; !over && right; ++round) {
        right = below_frame<1500>(static_cast<std::uint8_t>(round), [] { this_coroutine::yield(); }) &&
                grow_by_kibibytes(round % 7);
        this_coroutine::yield();
    }
    return right;
}

struct totals {
    std::uint64_t calls = 0;
    std::uint64_t moves = 0;
    std::uint64_t scribbles = 0;
};

void try_every_call(totals& sum) {
    adversary system(1, {.by_hand = true});
    for (const overlapped_call& call : every_call()) {
        auto unowned = win::unique_socket::open(AF_INET, call.takes_datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
        const std::unique_ptr<any_socket, io::close_and_release> socket(new any_socket(std::move(unowned)));
        bool over = false;
        std::vector<join_handle<bool>> neighbours;
        for (int number = 0; number < 4; ++number) {
            neighbours.push_back(spawn({.stack = stack_kind::movable}, [&over] { return live_nearby(over); }));
        }
        for (unsigned round = 0; round < rounds; ++round) {
            auto caller = spawn({.stack = stack_kind::movable}, [&call, its = socket.get(), round] {
                return grow_and_call(call, *its, 3 + 2 * round);
            });
            while (system.pending() == 0 && !caller.done()) {
                this_coroutine::yield();
            }
            for (int turns = 0; turns < 10; ++turns) {
                this_coroutine::yield();
            }
            EXPECT_EQ(system.search_memory(), std::vector<std::string>{}) << call.name << ", round " << round;
            ASSERT_TRUE(system.end_call(socket->handle(), scripted_end::succeeds_later(call.bytes))) << call.name;
            ++sum.calls;
            const result seen = caller.join();
            EXPECT_TRUE(seen.right) << call.name << ", round " << round;
            EXPECT_GE(seen.moves, 2u) << call.name << ", round " << round;
            sum.moves += seen.moves;
        }
        over = true;
        for (auto& each : neighbours) {
            EXPECT_TRUE(each.join()) << "beside " << call.name;
        }
    }
    EXPECT_EQ(system.offences(), std::vector<std::string>{});
    sum.scribbles = system.scribbles();
}

// A user's own call: its start function goes on after the submission, deep enough to grow any stack that could move.
result grow_and_start(adversary& system, overlapped_handle& handle, void* native, unsigned kibibytes) {
    result seen;
    std::array<std::byte, users_bytes> into{};
    std::error_code error;
    std::uint32_t count = 0;
    bool right_below = false;
    std::size_t finished = 0;
    const bool frames = below_frame<700>(static_cast<std::uint8_t>(kibibytes), [&] {
        seen.right = grow_by_kibibytes(kibibytes);
        count = handle.call(
            [&](OVERLAPPED* overlapped, std::span<std::byte> scratch) {
                const std::uint32_t started = system.start_users_call(native, overlapped, scratch, into);
                right_below = grow_by_kibibytes(kibibytes + 40);
                return started;
            },
            [&](std::span<const std::byte> scratch) {
                finished = grow_by_kibibytes(kibibytes + 40) ? scratch.size() : 0;
            },
            {}, error);
    });
    const bool arrived = std::all_of(into.begin(), into.end(), [](std::byte each) { return each == std::byte{0x5a}; });
    seen.right = seen.right && frames && right_below && arrived && !error && count == users_bytes &&
                 finished == overlapped_handle::scratch_size && grow_by_kibibytes(kibibytes);
    seen.moves = this_coroutine::stack_copies();
    return seen;
}

void try_users_calls(totals& sum) {
    adversary system(1, {.by_hand = true});
    // Any handle that a port takes; no call on it reaches the system.
    void* const native =
        ::CreateNamedPipeW(L"\\\\.\\pipe\\moor_movable_adversary", PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                           PIPE_TYPE_BYTE, 1, 4096, 4096, 0, nullptr);
    overlapped_handle handle(native);
    const auto place = reinterpret_cast<SOCKET>(native);
    bool over = false;
    std::vector<join_handle<bool>> neighbours;
    for (int number = 0; number < 4; ++number) {
        neighbours.push_back(spawn({.stack = stack_kind::movable}, [&over] { return live_nearby(over); }));
    }
    for (unsigned round = 0; round < rounds; ++round) {
        auto caller = spawn({.stack = stack_kind::movable}, [&system, &handle, native, round] {
            return grow_and_start(system, handle, native, 3 + 2 * round);
        });
        while (system.pending() == 0 && !caller.done()) {
            this_coroutine::yield();
        }
        for (int turns = 0; turns < 10; ++turns) {
            this_coroutine::yield();
        }
        EXPECT_EQ(system.search_memory(), std::vector<std::string>{}) << "round " << round;
        ASSERT_TRUE(system.end_call(place, scripted_end::succeeds_later(users_bytes)));
        ++sum.calls;
        const result seen = caller.join();
        EXPECT_TRUE(seen.right) << "round " << round;
        sum.moves += seen.moves;
    }
    over = true;
    for (auto& each : neighbours) {
        EXPECT_TRUE(each.join());
    }
    EXPECT_EQ(system.offences(), std::vector<std::string>{});
    sum.scribbles = system.scribbles();
}

class movable_adversary : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(with, movable_adversary,
                         testing::Values("", "stack_poison_copy=1", "stack_fault_on_free=1", "stack_no_cache=1",
                                         "stack_fault_on_free=1,stack_no_cache=1", "force_move=1"));

totals run_with(const char* switches, void (*body)(totals&)) {
    runtime_options options = with_workers(1);
    parse_debug_switches(switches, options.debug);
    totals sum;
    runtime running(options);
    running.run([&sum, body] { body(sum); });
    EXPECT_EQ(running.metrics().operations_in_use, 0u);
    return sum;
}

TEST_P(movable_adversary, writes_to_operations_alone) {
    const totals sum = run_with(GetParam(), &try_every_call);
    std::printf("[  moves   ] %llu calls, %llu moves of their stacks, outputs overwritten %llu times (%s)\n", sum.calls,
                sum.moves, sum.scribbles, GetParam());
}

TEST_P(movable_adversary, finds_the_data_of_users_calls_in_place) {
    const totals sum = run_with(GetParam(), &try_users_calls);
    EXPECT_GE(sum.moves, 2 * sum.calls);
    std::printf("[  moves   ] %llu calls, %llu moves of their stacks, outputs overwritten %llu times (%s)\n", sum.calls,
                sum.moves, sum.scribbles, GetParam());
}

} // namespace
} // namespace moor::test
