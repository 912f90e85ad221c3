// The switches that look at a stack after each move: they are silent for ordinary code, and find what goes round the
// compiler.
#include "debug/move_checks.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>

#include <moor/channel.hpp>
#include <moor/mutex.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/stack_walk.hpp"
#include "sched/worker.hpp"
#include "stack/on_movable.hpp"
#include "support/captured_errors.hpp"
#include "support/child.hpp"
#include "support/run.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Frames with an address of the caller's frame each.
[[gnu::noinline]] std::uint64_t sum_down(unsigned depth, const std::uint64_t* above) {
    std::uint64_t own = depth;
    asm volatile("" : : "r"(&own) : "memory");
    if (depth == 0) {
        return *above + own;
    }
    const std::uint64_t below = sum_down(depth - 1, &own);
    return below + *above;
}

void grow() {
    const std::uint64_t start = 0;
    if (sum_down(100, &start) != 5050) {
        std::abort();
    }
}

runtime_options checking(unsigned workers) {
    runtime_options options = test::with_workers(workers);
    options.debug.verify_copy = true;
    options.debug.check_frames = true;
    options.debug.audit = true;
    return options;
}

// What these find, and how often, depends on what else is switched on.
class without_other_switches : public testing::Test {
protected:
    void SetUp() override {
        if (std::getenv("MOOR_DEBUG") != nullptr) {
            GTEST_SKIP() << "other switches are on";
        }
    }
};
class verify_copy : public without_other_switches {};
class check_frames : public without_other_switches {};
class audit : public without_other_switches {};
class stack_fault_on_free : public without_other_switches {};

constexpr spawn_options movable(const char* name = "mover") {
    spawn_options options;
    options.stack = stack_kind::movable;
    options.name = name;
    return options;
}

// ---- Code that keeps the promise -----------------------------------------------------------------------------------

[[gnu::noinline]] void throw_at(unsigned depth) {
    std::uint64_t own = depth;
    asm volatile("" : : "r"(&own) : "memory");
    if (depth == 0) {
        throw std::runtime_error("deep");
    }
    throw_at(depth - 1);
    asm volatile("" : : "r"(&own) : "memory");
}

[[gnu::noinline]] unsigned caught_at(unsigned depth) {
    try {
        throw_at(depth);
    } catch (const std::runtime_error&) {
        grow(); // with the exception alive, whose header keeps addresses of frames
        return 1;
    }
    return 0;
}

struct shared_state {
    mutex lock;
    channel<std::uint64_t> numbers{1};
    std::uint64_t total = 0;
};

void produce(const std::shared_ptr<shared_state>& shared) {
    for (std::uint64_t number = 1; number <= 20; ++number) {
        shared->numbers.send(number);
        this_coroutine::yield();
        if (number % 5 == 0) {
            grow();
        }
    }
}

void consume(const std::shared_ptr<shared_state>& shared) {
    for (int round = 0; round < 20; ++round) {
        const std::uint64_t number = shared->numbers.receive().value();
        shared->lock.lock();
        this_coroutine::yield();
        shared->total += number;
        shared->lock.unlock();
        if (round % 7 == 0) {
            caught_at(5);
        }
        if (round % 6 == 0) {
            this_coroutine::sleep_for(100us);
        }
    }
}

void expect_silence(unsigned workers, bool force_move) {
    test::captured_errors errors;
    runtime_options options = checking(workers);
    options.debug.force_move = force_move;
    runtime running(options);
    const auto shared = std::make_shared<shared_state>();
    std::vector<join_handle<void>> handles;
    for (int pair = 0; pair < 3; ++pair) {
        handles.push_back(running.spawn(movable("producer"), [shared] { produce(shared); }));
        handles.push_back(running.spawn(movable("consumer"), [shared] { consume(shared); }));
    }
    for (auto& handle : handles) {
        handle.join();
    }
    EXPECT_EQ(shared->total, 3u * 210);
    const runtime_metrics seen = running.metrics();
    EXPECT_GT(seen.stack_copies, force_move ? 300u : 2u);
    EXPECT_GT(seen.frames_checked, 4 * seen.stack_copies);
    EXPECT_EQ(seen.frame_crossings, 0u);
    EXPECT_EQ(seen.audit_findings, 0u) << errors.text();
}

TEST(move_checks, are_silent_for_ordinary_code) { expect_silence(1, false); }
TEST(move_checks, are_silent_when_stacks_move_all_the_time) { expect_silence(1, true); }
TEST(move_checks, are_silent_with_several_workers) { expect_silence(3, true); }

// ---- verify_copy ---------------------------------------------------------------------------------------------------

// Two places of a stack that never was, in the name of the calling coroutine. The last word of the copy is wrong.
const test::scenario wrong_copy("wrong_copy", [] {
    runtime_options options = test::with_workers(1);
    options.debug.verify_copy = true;
    runtime running(options);
    running
        .spawn({.name = "copied"},
               [] {
                   static std::array<std::uint64_t, 128> before{};
                   static std::array<std::uint64_t, 128> after{};
                   before[127] = 0x5555;
                   after[127] = 0x5554;
                   on_system_stack([] {
                       stack::memory old;
                       old.lowest = reinterpret_cast<std::byte*>(before.data());
                       old.size = sizeof before;
                       debug::check_move({*sched::worker::current(), *sched::worker::current_coroutine(), old,
                                          reinterpret_cast<const std::byte*>(before.data()),
                                          reinterpret_cast<const std::byte*>(after.data()), 0},
                                         nullptr);
                   });
               })
        .join();
});
TEST_F(verify_copy, ends_the_process_and_names_the_word) {
    const auto end = test::run_in_child(wrong_copy);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output, AllOf(HasSubstr("'copied' was copied wrongly"), HasSubstr("the word 0x5555 at 0x"),
                                        HasSubstr("is 0x5554 at 0x"), HasSubstr("not 0x5555")));
}

// ---- check_frames --------------------------------------------------------------------------------------------------

// The damage that law 1 is about: a small number written over the upper half of a return address.
[[gnu::noinline]] void damage_return_address() {
    const auto address = reinterpret_cast<std::uint64_t>(__builtin_return_address(0));
    auto* slot = reinterpret_cast<std::uint64_t*>(test::stack_pointer());
    while (*slot != address) {
        ++slot;
    }
    std::memset(reinterpret_cast<std::byte*>(slot) + 4, 0, 4);
    *(reinterpret_cast<volatile std::byte*>(slot) + 4) = std::byte{0x10};
    grow();
}

void run_damaged(bool check_frames) {
    ::_putenv_s("MOOR_DEBUG", ""); // what these two show is the difference that the one switch makes
    runtime_options options = test::with_workers(1);
    options.debug.check_frames = check_frames;
    runtime running(options);
    running
        .spawn(movable("victim"),
               [] {
                   damage_return_address();
                   asm volatile("");
               })
        .join();
}

const test::scenario damaged_frame("damaged_frame", [] { run_damaged(true); });
const test::scenario damaged_unchecked("damaged_unchecked", [] { run_damaged(false); });

TEST_F(check_frames, finds_a_damaged_return_address_in_the_next_move) {
    const auto end = test::run_in_child(damaged_frame);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, 3u);
    EXPECT_THAT(end.error_output,
                AllOf(HasSubstr("the frames of coroutine #"), HasSubstr("'victim' are broken after 0 "),
                      HasSubstr("goes on at an address that is no code"), HasSubstr("frame 0 at 0x"),
                      HasSubstr(".exe 0x"), HasSubstr(": 0x10")));
}

TEST_F(check_frames, is_what_finds_it) {
    const auto end = test::run_in_child(damaged_unchecked);
    EXPECT_FALSE(end.hung);
    EXPECT_NE(end.exit_status, 0u) << "it returned to nowhere";
    EXPECT_THAT(end.error_output, Not(HasSubstr("are broken")));
}

// A callback with frames of its own, on the worker's system stack.
[[gnu::noinline]] std::uint64_t call_back(unsigned depth) {
    volatile std::uint64_t own = depth;
    if (depth == 0) {
        debug::check_frames_of_caller();
        return own;
    }
    const std::uint64_t below = call_back(depth - 1);
    return below + own;
}

TEST_F(check_frames, follows_a_callback_from_one_stack_to_the_other) {
    runtime running(test::with_workers(1));
    running.spawn(movable(), [] { on_system_stack([] { call_back(10); }); }).join();
    const runtime_metrics with_callback = running.metrics();
    EXPECT_EQ(with_callback.frame_crossings, 1u);
    EXPECT_GT(with_callback.frames_checked, 14u);
    running.spawn([] { call_back(10); }).join(); // on its own stack all the way
    EXPECT_EQ(running.metrics().frame_crossings, 1u);
    EXPECT_GT(running.metrics().frames_checked, with_callback.frames_checked + 11);
}

// ---- audit ---------------------------------------------------------------------------------------------------------

// What the audit is to find: an address of the stack that moves, which no local has any more. It is no multiple of 8:
// where a coroutine has once been suspended is no finding.
[[gnu::always_inline]] inline std::uint32_t* place_on_stack() noexcept {
    return reinterpret_cast<std::uint32_t*>(test::stack_pointer() + 36);
}

struct observer {
    std::uint64_t before = 0;
    std::uint32_t* place = nullptr;
};

// The observer keeps an address into this stack across a call that moves it.
[[gnu::noinline]] std::uint32_t observe_stack(observer& seen) {
    seen.place = place_on_stack();
    grow();
    const std::uint32_t read = *static_cast<volatile std::uint32_t*>(seen.place); // where it was
    seen.place = nullptr;
    return read;
}

runtime_options auditing() {
    runtime_options options = test::with_workers(1);
    options.debug.audit = true;
    return options;
}

TEST_F(audit, finds_a_heap_object_that_keeps_an_address_of_the_stack) {
    test::captured_errors errors;
    runtime running(auditing());
    running.spawn(movable("breaker"), [] { observe_stack(*std::make_unique<observer>()); }).join();
    EXPECT_EQ(running.metrics().audit_findings, 1u) << "it points into one old place only";
    EXPECT_THAT(errors.text(),
                AllOf(HasSubstr("'breaker' has moved, but the heap block at 0x"), HasSubstr(" of 16 bytes"),
                      HasSubstr("the word at offset 8 is 0x"), HasSubstr("bytes below the top"),
                      HasSubstr("1 words, 0 of them on stacks, point into the old place of the stack of coroutine #")));
}

TEST_F(audit, does_not_look_into_freed_blocks) {
    test::captured_errors errors;
    runtime running(auditing());
    running
        .spawn(movable(),
               [] {
                   auto held = std::make_unique<std::array<std::uint32_t*, 8>>();
                   held->fill(place_on_stack());
                   asm volatile("" : : "r"(held.get()) : "memory");
                   held.reset();
                   grow();
               })
        .join();
    EXPECT_EQ(running.metrics().audit_findings, 0u);
    EXPECT_THAT(errors.text(), IsEmpty());
}

// Nor at what a block's last user has left in it.
TEST_F(audit, does_not_find_what_a_freed_block_held) {
    test::captured_errors errors;
    runtime running(auditing());
    const bool again =
        running
            .spawn(movable(),
                   [] {
                       auto held = std::make_unique<std::array<std::uint32_t*, 60>>();
                       held->fill(place_on_stack());
                       test::keep(*held);
                       const void* const before = held.get();
                       held.reset();
                       // Not initialised: it is what it was.
                       const std::unique_ptr<std::array<std::uint32_t*, 60>> next(new std::array<std::uint32_t*, 60>);
                       const bool same = next.get() == before;
                       grow();
                       return same;
                   })
            .join();
    EXPECT_TRUE(again) << "the allocator has given another block: this shows nothing";
    EXPECT_EQ(running.metrics().audit_findings, 0u) << errors.text();
}

observer global_observer;

TEST_F(audit, finds_a_global_variable) {
    test::captured_errors errors;
    runtime running(auditing());
    running.spawn(movable("breaker"), [] { observe_stack(global_observer); }).join();
    EXPECT_EQ(running.metrics().audit_findings, 1u);
    EXPECT_THAT(errors.text(), HasSubstr("the image's data at 0x"));
}

// The address travels through memory that the audit does not look at, so that only the place in question holds it.
std::uint64_t hidden_address = 0;
std::uint32_t* revealed() { return reinterpret_cast<std::uint32_t*>(~hidden_address); }

// Parks `watcher` with the address where it wants it, moves, and lets it go.
template <class Watcher>
void move_while_watched(runtime& running, Watcher watcher) {
    running
        .spawn(movable("breaker"),
               [watcher] {
                   hidden_address = ~reinterpret_cast<std::uint64_t>(place_on_stack());
                   auto watching = watcher();
                   this_coroutine::yield();
                   grow();
                   watching.request_stop();
                   std::error_code error;
                   watching.wait({}, error);
               })
        .join();
}

void park() {
    try {
        this_coroutine::sleep_for(1h);
    } catch (const std::system_error&) {
    }
}

TEST_F(audit, finds_another_coroutines_stack) {
    for (const auto kind : {stack_kind::reserved, stack_kind::movable}) {
        test::captured_errors errors;
        runtime running(auditing());
        move_while_watched(running, [kind] {
            spawn_options options;
            options.stack = kind;
            return spawn(options, [] {
                std::uint32_t* volatile kept = revealed();
                park();
                asm volatile("" : : "r"(kept));
            });
        });
        EXPECT_THAT(errors.text(), AllOf(HasSubstr("but the stack of coroutine #"), HasSubstr("(or an earlier call")));
        EXPECT_EQ(running.metrics().audit_findings, 0u) << "doubtful ones do not count";
    }
}

TEST_F(audit, finds_another_coroutines_closure) {
    test::captured_errors errors;
    runtime running(auditing());
    move_while_watched(running, [] {
        return spawn([kept = revealed()] {
            park();
            asm volatile("" : : "r"(kept));
        });
    });
    EXPECT_EQ(running.metrics().audit_findings, 1u);
    EXPECT_THAT(errors.text(), HasSubstr("the closure of coroutine #"));
}

// Nor at what the last coroutine of a control block has left in its closure.
TEST_F(audit, does_not_find_what_an_ended_closure_held) {
    test::captured_errors errors;
    runtime running(auditing());
    move_while_watched(running, [] {
        // Filled by the other coroutine: a local variable of this one would be found.
        spawn([held = std::array<std::uint32_t*, 6>()]() mutable {
            held.fill(revealed());
            asm volatile("" : : "r"(&held) : "memory");
        }).join();
        return spawn([] { park(); });
    });
    EXPECT_EQ(running.metrics().audit_findings, 0u) << errors.text();
}

TEST_F(audit, finds_a_local_variable_of_the_same_coroutine) {
    test::captured_errors errors;
    runtime running(auditing());
    running
        .spawn(movable("breaker"),
               [] {
                   observer seen;
                   observe_stack(seen);
               })
        .join();
    EXPECT_EQ(running.metrics().audit_findings, 1u);
    EXPECT_THAT(errors.text(), HasSubstr("but the data stack of coroutine #"));
}

TEST_F(audit, reads_parked_stacks_of_other_workers) {
    test::captured_errors errors;
    runtime_options options = auditing();
    options.workers = 2;
    runtime running(options);
    move_while_watched(running, [] {
        auto watching = spawn({.worker = 1u}, [] {
            std::uint32_t* volatile kept = revealed();
            park();
            asm volatile("" : : "r"(kept));
        });
        this_coroutine::sleep_for(50ms); // long enough for it to be parked
        return watching;
    });
    EXPECT_THAT(errors.text(), HasSubstr("but the stack of coroutine #"));
}

// Neither what the monitor read of the thread nor what the worker restored.
TEST_F(audit, does_not_find_the_registers_of_a_preemption) {
    test::captured_errors errors;
    runtime_options options = auditing();
    options.debug.preempt_storm = true;
    runtime running(options);
    auto options_of_one = movable();
    options_of_one.preemptible = true;
    for (int round = 0; round != 20; ++round) {
        const std::uint64_t wanted = running.metrics().preemptions + 3;
        running
            .spawn(options_of_one,
                   [&running, wanted] {
                       const auto end = std::chrono::steady_clock::now() + 30s;
                       while (running.metrics().preemptions < wanted && std::chrono::steady_clock::now() < end) {
                       }
                       grow();
                   })
            .join();
        EXPECT_GE(running.metrics().preemptions, wanted);
    }
    EXPECT_EQ(running.metrics().audit_findings, 0u) << errors.text();
}

TEST_F(audit, reports_many_words_in_short) {
    test::captured_errors errors;
    runtime running(auditing());
    running
        .spawn(movable(),
               [] {
                   auto held = std::make_unique<std::array<std::uint32_t*, 100>>();
                   held->fill(place_on_stack());
                   asm volatile("" : : "r"(held.get()) : "memory");
                   grow();
                   asm volatile("" : : "r"(held.get()) : "memory");
               })
        .join();
    EXPECT_EQ(running.metrics().audit_findings, 100u);
    const std::string& text = errors.text();
    EXPECT_THAT(text, HasSubstr("100 words, 0 of them on stacks, point into"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 33);
}

// ---- stack_fault_on_free -------------------------------------------------------------------------------------------

void use_an_old_place(bool fault_on_free) {
    runtime_options options = test::with_workers(1);
    options.debug.stack_fault_on_free = fault_on_free;
    runtime running(options);
    running.spawn(movable("breaker"), [] { observe_stack(*std::make_unique<observer>()); }).join();
}

const test::scenario stale_read_faults("stale_read_faults", [] { use_an_old_place(true); });
const test::scenario stale_read_passes("stale_read_passes", [] { use_an_old_place(false); });

TEST_F(stack_fault_on_free, makes_a_use_of_the_old_place_fault) {
    const auto end = test::run_in_child(stale_read_faults);
    EXPECT_FALSE(end.hung);
    EXPECT_EQ(end.exit_status, static_cast<std::uint32_t>(STATUS_ACCESS_VIOLATION)) << end.error_output;
    const auto without = test::run_in_child(stale_read_passes);
    EXPECT_EQ(without.exit_status, 0u) << "which nothing else would have found: " << without.error_output;
}

} // namespace
} // namespace moor
