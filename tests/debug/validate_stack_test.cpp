// moor::debug::validate_stack: finds a damaged return address of a parked coroutine, and nothing in a healthy one,
// whatever that does meanwhile.
#include <moor/forensics.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/loaded_code.hpp"
#include "debug/stack_walk.hpp"
#include "sched/coroutine.hpp"
#include "sched/signal.hpp"
#include "sched/worker.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "win/compiler.hpp"
#include "win/system_calls.hpp"

namespace moor::debug {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

// Waits that deep.
MOOR_NOINLINE unsigned wait_at(unsigned depth, test::signal& until, const detail::coroutine** block) {
    std::array<volatile unsigned, 20> own{};
    own[depth % own.size()] = depth;
    if (depth == 0) {
        *block = sched::worker::current_coroutine();
        until.wait();
        return own[0];
    }
    return wait_at(depth - 1, until, block) + own[depth % own.size()];
}

// Has a coroutine wait at that depth, calls `look` with its id and its block, and lets it end.
template <class Look>
void look_at_parked(stack_kind kind, unsigned depth, Look look) {
    test::in_runtime(1, [&] {
        test::signal until;
        const detail::coroutine* block = nullptr;
        auto handle = spawn({.name = "patient", .stack = kind, .stack_size = 65536},
                            [&] { return wait_at(depth, until, &block); });
        while (!until.has_waiter()) {
            this_coroutine::yield();
        }
        look(handle.id(), *block);
        until.set();
        EXPECT_EQ(handle.join(), depth * (depth + 1) / 2);
    });
}

// Where the return addresses are, by the other walk.
std::vector<std::uint64_t*> return_slots(const detail::coroutine& of) {
    const auto lowest = reinterpret_cast<std::uint64_t>(of.stack.lowest);
    const std::array stacks{stack_range{lowest, lowest + of.stack.size}};
    stack_walk walk(walk_start::of_suspended(of.state.resume_at), stacks,
                    reinterpret_cast<const void*>(&moor_coroutine_base));
    std::vector<std::uint64_t*> slots;
    while (walk.next()) {
        slots.push_back(reinterpret_cast<std::uint64_t*>(walk.current().stack_pointer - sizeof(std::uint64_t)));
    }
    EXPECT_EQ(walk.end(), walk_end::complete);
    return slots;
}

class validate_stack_of : public testing::TestWithParam<stack_kind> {};
// Built twice: as it is, and with stack checks.
#if defined(MOOR_TEST_MOVABLE_STACKS)
constexpr stack_kind kinds[] = {stack_kind::reserved, stack_kind::movable};
#else
constexpr stack_kind kinds[] = {stack_kind::reserved};
#endif
INSTANTIATE_TEST_SUITE_P(kind, validate_stack_of, testing::ValuesIn(kinds),
                         [](const testing::TestParamInfo<stack_kind>& tested) {
                             return tested.param == stack_kind::reserved ? "reserved" : "movable";
                         });

TEST_P(validate_stack_of, finds_nothing_in_a_healthy_one) {
    for (const unsigned depth : {0u, 1u, 40u}) {
        look_at_parked(GetParam(), depth, [&](std::uint64_t id, const detail::coroutine& block) {
            const stack_report report = validate_stack(id);
            EXPECT_EQ(report.state, stack_state::parked);
            EXPECT_EQ(report.name, "patient");
            EXPECT_TRUE(report.complete);
            EXPECT_EQ(report.fault, return_fault::none) << report.text();
            EXPECT_EQ(report.return_addresses.size(), return_slots(block).size());
            EXPECT_THAT(report.text(), AllOf(HasSubstr("'patient' is parked"), HasSubstr("all good")));
        });
    }
}

// In code. What lies before a function may look like a call by chance.
std::uint64_t behind_no_call() {
    auto address = reinterpret_cast<std::uint64_t>(&wait_at);
    while (code_at_start().is_return_address(address)) {
        ++address;
    }
    return address;
}

TEST_P(validate_stack_of, finds_each_damaged_return_address_and_says_what_is_wrong) {
    look_at_parked(GetParam(), 10, [](std::uint64_t id, const detail::coroutine& block) {
        const auto slots = return_slots(block);
        ASSERT_GE(slots.size(), 6u);
        for (std::size_t index = 0; index != slots.size(); ++index) {
            const std::uint64_t kept = *slots[index];
            const struct {
                std::uint64_t value;
                return_fault fault;
            } wrong[] = {
                {(kept & 0xffff'ffffu) | 0x10'0000'0000u, return_fault::upper_half_overwritten},
                {kept & 0xffff'ffffu, return_fault::upper_half_overwritten},
                {0, return_fault::no_code},
                {reinterpret_cast<std::uint64_t>(slots[index]), return_fault::no_code},
                {behind_no_call(), return_fault::no_call_before},
            };
            for (const auto& each : wrong) {
                *slots[index] = each.value;
                const stack_report report = validate_stack(id);
                *slots[index] = kept;
                EXPECT_EQ(report.state, stack_state::parked);
                EXPECT_EQ(report.fault, each.fault) << report.text();
                EXPECT_EQ(report.slot, reinterpret_cast<std::uint64_t>(slots[index]));
                EXPECT_EQ(report.value, each.value);
                EXPECT_EQ(report.return_addresses.size(), index + 1);
                EXPECT_FALSE(report.complete);
                if (each.fault == return_fault::upper_half_overwritten) {
                    EXPECT_EQ(report.restored, kept);
                    EXPECT_THAT(report.text(), HasSubstr("upper half was overwritten"));
                }
            }
        }
        EXPECT_EQ(validate_stack(id).fault, return_fault::none);
    });
}

TEST(validate_stack, says_when_it_runs_and_when_there_is_none) {
    EXPECT_EQ(validate_stack(0).state, stack_state::not_found);
    EXPECT_EQ(validate_stack(~std::uint64_t{0}).state, stack_state::not_found);
    std::uint64_t ended = 0;
    test::in_runtime(1, [&] {
        const stack_report own = validate_stack(this_coroutine::id());
        EXPECT_EQ(own.state, stack_state::running);
        EXPECT_EQ(own.name, "main");
        EXPECT_THAT(own.text(), HasSubstr("runs"));
        auto queued = spawn([] {});
        EXPECT_EQ(validate_stack(queued.id()).state, stack_state::running);
        ended = queued.id();
        std::error_code error;
        ASSERT_TRUE(queued.wait(no_limit, error));
        EXPECT_EQ(validate_stack(ended).state, stack_state::not_found) << "it has ended, though its handle is there";
        queued.join();
    });
    EXPECT_EQ(validate_stack(ended).state, stack_state::not_found);
}

// The two wake each other all the time, on two workers; whatever is seen of them is whole.
TEST(validate_stack, sees_nothing_wrong_in_coroutines_that_come_and_go) {
    for (const stack_kind kind : kinds) {
        runtime running(test::with_workers(2));
        std::atomic<bool> done{false};
        std::array<test::signal, 2> turns;
        const auto play = [&](std::size_t own) {
            for (unsigned round = 0; !done.load(std::memory_order_relaxed); ++round) {
                turns[own].wait();
                if (round % 16 == 0) {
                    this_coroutine::sleep_for(1ms); // else the system's copy always comes too late
                }
                turns[1 - own].set();
            }
        };
        const spawn_options options{.stack = kind, .stack_size = 65536};
        auto ping = running.spawn(options, play, 0);
        auto pong = running.spawn(options, play, 1);
        turns[0].set();
        unsigned parked = 0;
        const auto latest = std::chrono::steady_clock::now() + 20s;
        for (unsigned round = 0; parked != 100 && std::chrono::steady_clock::now() < latest; ++round) {
            const stack_report report = validate_stack(round % 2 == 0 ? ping.id() : pong.id());
            EXPECT_NE(report.state, stack_state::not_found);
            EXPECT_EQ(report.fault, return_fault::none) << report.text();
            parked += report.state == stack_state::parked ? 1 : 0;
        }
        EXPECT_EQ(parked, 100u);
        done = true;
        ping.join();
        turns[1].set();
        pong.join();
    }
}

// The system's copy of a stack, made after the coroutine has gone on from the wait that it was found in.
test::signal* resumed_meanwhile = nullptr;
std::atomic<unsigned> copies{0};

BOOL WINAPI copy_late(HANDLE process, const void* from, void* into, SIZE_T size, SIZE_T* copied) {
    const unsigned rounds = copies.fetch_add(1) + 1;
    resumed_meanwhile->set();
    while (copies.load() == rounds) { // the coroutine adds one as it runs
        ::Sleep(0);
    }
    return win::real_system_calls.read_memory(process, from, into, size, copied);
}

TEST(validate_stack, does_not_believe_a_copy_of_one_that_went_on_meanwhile) {
    test::signal until;
    resumed_meanwhile = &until;
    runtime running(test::with_workers(1));
    auto handle = running.spawn({.name = "patient"}, [&] {
        for (unsigned round = 0; round != 20; ++round) { // as often as it is looked at
            until.wait();
            copies.fetch_add(1);
        }
        until.wait();
    });
    EXPECT_TRUE(test::eventually([&] { return until.has_waiter(); }));
    const stack_report report = [&] {
        const win::replaced_system_calls replaced({.read_memory = &copy_late});
        return validate_stack(handle.id());
    }();
    EXPECT_EQ(report.state, stack_state::running) << report.text();
    EXPECT_GE(copies.load(), 2u);
    EXPECT_TRUE(test::eventually([&] {
        until.set();
        return handle.done();
    }));
}

} // namespace
} // namespace moor::debug
