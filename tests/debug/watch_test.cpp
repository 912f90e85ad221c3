// moor::debug::watch: it tells who wrote, from which coroutine and stack, and says so when the system does not.
#include <moor/forensics.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "debug/watch_hits.hpp"
#include "preempt/thread_calls.hpp"
#include "support/captured_errors.hpp"
#include "support/run.hpp"
#include "unwind/function_address.hpp"
#include "win/compiler.hpp"
#include "win/windows.hpp"

namespace moor::debug {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

alignas(8) volatile std::uint64_t word = 0;

MOOR_NOINLINE void write(std::uint64_t value) { word = value; }

std::error_code error_of_watch(const volatile void* address, std::size_t size) {
    std::error_code error;
    const watch tried(address, size, watch_output::none, error);
    return error;
}

// Some systems do not tell of writes; then there is only that to be tested, below.
bool system_tells() { return error_of_watch(&word, 8) != std::errc::not_supported; }

#define MOOR_SKIP_UNLESS_SYSTEM_TELLS()                                                                                \
    if (!system_tells()) {                                                                                             \
        GTEST_SKIP() << "this system does not deliver the processor's watches";                                        \
    }

void expect_written_in_write(const watch_hit& hit) {
    const std::uint64_t begin = unwind::without_jump(reinterpret_cast<const void*>(&write));
    EXPECT_GT(hit.instruction, begin);
    EXPECT_LT(hit.instruction, begin + 64);
    const auto program = reinterpret_cast<std::uint64_t>(::GetModuleHandleW(nullptr));
    EXPECT_EQ(hit.offset, hit.instruction - program);
    EXPECT_THAT(hit.image, HasSubstr("debug_test"));
}

// ---- Who ------------------------------------------------------------------------------------------------------------

TEST(watch, names_the_coroutine_on_another_worker_that_wrote) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    std::uint64_t writer = 0;
    std::uint32_t writers_thread = 0;
    test::in_runtime(3, [&] {
        spawn({.worker = 0}, [&] {
            const watch watched(&word, 8);
            EXPECT_EQ(watched.count(), 0u);
            spawn({.name = "writer", .worker = 2}, [&] {
                writer = this_coroutine::id();
                writers_thread = ::GetCurrentThreadId();
                write(0xabcd);
            }).join();
            EXPECT_EQ(watched.count(), 1u);
            const auto hits = watched.hits();
            ASSERT_EQ(hits.size(), 1u);
            const watch_hit& hit = hits.front();
            EXPECT_EQ(hit.number, 0u);
            EXPECT_EQ(hit.value, 0xabcdu);
            EXPECT_EQ(hit.coroutine, writer);
            EXPECT_EQ(hit.coroutine_name, "writer");
            EXPECT_EQ(hit.stack, watched_stack::reserved);
            EXPECT_EQ(hit.thread, writers_thread);
            EXPECT_NE(hit.thread, ::GetCurrentThreadId());
            expect_written_in_write(hit);
        }).join();
    });
}

TEST(watch, tells_the_stacks_apart) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    runtime_options options = test::with_workers(2);
    options.debug.exception_room = true;
    runtime running(options);
    const watch watched(&word, 8);
    write(1);
    running.run([] { write(2); });
    running.run([] { on_system_stack([]() noexcept { write(3); }); });
    const auto hits = watched.hits();
    ASSERT_EQ(hits.size(), 3u);
    const std::array expected{watched_stack::thread, watched_stack::reserved, watched_stack::worker};
    for (std::size_t index = 0; index != hits.size(); ++index) {
        EXPECT_EQ(hits[index].stack, expected[index]) << index;
        EXPECT_EQ(hits[index].value, index + 1);
        EXPECT_EQ(hits[index].number, index);
    }
    EXPECT_EQ(hits[0].coroutine, 0u);
    EXPECT_EQ(hits[0].coroutine_name, "");
}

// ---- What ----------------------------------------------------------------------------------------------------------

TEST(watch, sees_writes_to_its_bytes_alone) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    alignas(8) static volatile std::uint8_t bytes[24] = {};
    for (const std::size_t size : {1u, 2u, 4u, 8u}) {
        const watch watched(&bytes[8], size);
        bytes[7] = 1;
        bytes[8 + size] = 1;
        static_cast<void>(bytes[8]);
        EXPECT_EQ(watched.count(), 0u) << size;
        bytes[8] = 2;
        bytes[7 + size] = 3;
        EXPECT_EQ(watched.count(), 2u) << size;
    }
    bytes[8] = 4; // nobody minds any more
}

TEST(watch, several_see_each_its_own) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    static volatile std::uint64_t words[4] = {};
    std::vector<std::unique_ptr<watch>> watches;
    for (auto& each : words) {
        watches.push_back(std::make_unique<watch>(&each, 8));
    }
    words[2] = 7;
    words[0] = 5;
    words[2] = 8;
    EXPECT_EQ(watches[0]->count(), 1u);
    EXPECT_EQ(watches[1]->count(), 0u);
    EXPECT_EQ(watches[2]->count(), 2u);
    EXPECT_EQ(watches[3]->count(), 0u);
    EXPECT_EQ(error_of_watch(&word, 8), std::errc::resource_unavailable_try_again) << "the fifth";
    watches[1].reset();
    EXPECT_FALSE(error_of_watch(&word, 8)) << "one is free again";
    words[1] = 1;
    const auto hits = watches[2]->hits();
    ASSERT_EQ(hits.size(), 2u);
    EXPECT_EQ(hits.back().value, 8u);
}

TEST(watch, keeps_the_last_hits_and_counts_all) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    const watch watched(&word, 8);
    for (std::uint64_t value = 0; value != 100; ++value) {
        write(value);
    }
    EXPECT_EQ(watched.count(), 100u);
    const auto hits = watched.hits();
    ASSERT_EQ(hits.size(), hit_ring::capacity);
    for (std::size_t index = 0; index != hits.size(); ++index) {
        EXPECT_EQ(hits[index].value, 100 - hit_ring::capacity + index);
    }
}

TEST(watch, writes_from_all_workers_at_once) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    test::in_runtime(4, [] {
        const watch watched(&word, 8);
        std::vector<join_handle<void>> writers;
        for (unsigned worker = 0; worker != 4; ++worker) {
            writers.push_back(spawn({.name = "one of four", .worker = worker}, [] {
                for (int round = 0; round != 50; ++round) {
                    write(static_cast<std::uint64_t>(round));
                    this_coroutine::yield();
                }
            }));
        }
        for (auto& each : writers) {
            each.join();
        }
        EXPECT_EQ(watched.count(), 200u);
        for (const watch_hit& each : watched.hits()) {
            EXPECT_EQ(each.coroutine_name, "one of four");
        }
    });
}

TEST(watch, prints_when_asked_and_leaves_the_last_error_alone) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    test::captured_errors errors;
    std::uint64_t id = 0;
    test::in_runtime(1, [&] {
        spawn({.name = "scribbler"}, [&] {
            id = this_coroutine::id();
            const watch watched(&word, 8, watch_output::error_stream);
            ::SetLastError(1234);
            write(0x77);
            EXPECT_EQ(::GetLastError(), 1234u);
        }).join();
    });
    EXPECT_THAT(errors.text(), AllOf(HasSubstr("became 0x77"), HasSubstr("debug_test"),
                                     HasSubstr("coroutine #" + std::to_string(id) + " 'scribbler'")));
}

// ---- What it refuses -----------------------------------------------------------------------------------------------

TEST(watch, refuses_what_the_processor_cannot_watch) {
    for (const std::size_t size : {0u, 3u, 5u, 6u, 7u, 16u}) {
        EXPECT_EQ(error_of_watch(&word, size), std::errc::invalid_argument) << size;
    }
    const auto* const bytes = reinterpret_cast<const volatile char*>(&word);
    EXPECT_EQ(error_of_watch(bytes + 1, 2), std::errc::invalid_argument);
    EXPECT_EQ(error_of_watch(bytes + 4, 8), std::errc::invalid_argument);
    EXPECT_EQ(error_of_watch(nullptr, 8), std::errc::invalid_argument);
    EXPECT_THROW(const watch refused(&word, 3), std::system_error);
}

class replaced_calls {
public:
    explicit replaced_calls(const preempt::thread_calls& by) { preempt::current_thread_calls = &by; }
    ~replaced_calls() { preempt::current_thread_calls = &preempt::real_thread_calls; }
    replaced_calls(const replaced_calls&) = delete;
    replaced_calls& operator=(const replaced_calls&) = delete;
};

TEST(watch, says_so_where_the_system_does_not_tell_of_writes) {
    preempt::thread_calls deaf; // it accepts the registers, and that is all
    deaf.set_context = [](HANDLE, const CONTEXT*) -> BOOL { return TRUE; };
    preempt::thread_calls refusing;
    refusing.set_context = [](HANDLE, const CONTEXT*) -> BOOL { return FALSE; };
    for (const auto* each : {&deaf, &refusing}) {
        const replaced_calls in_use(*each);
        EXPECT_EQ(error_of_watch(&word, 8), std::errc::not_supported);
        try {
            const watch refused(&word, 8);
            ADD_FAILURE();
        } catch (const std::system_error& refused) {
            EXPECT_THAT(refused.what(), AllOf(HasSubstr("watch"), HasSubstr("not possible here")));
        }
    }
    for (int round = 0; round != 5; ++round) {
        EXPECT_NE(error_of_watch(&word, 8), std::errc::resource_unavailable_try_again) << "nothing stays taken";
    }
}

TEST(watch, gives_way_to_somebody_elses) {
    preempt::thread_calls occupied; // by a debugger inside the process, say
    occupied.get_context = [](HANDLE, CONTEXT* registers) -> BOOL {
        *registers = {};
        registers->Dr0 = registers->Dr1 = registers->Dr2 = registers->Dr3 = 0x1000;
        registers->Dr7 = 0x55;
        return TRUE;
    };
    const replaced_calls in_use(occupied);
    EXPECT_EQ(error_of_watch(&word, 8), std::errc::resource_unavailable_try_again);
}

// What was last set in each thread. A thread of the watch's own sets them, one after the other, and allocates nothing.
struct control {
    DWORD thread = 0;
    DWORD64 value = 0;
};
std::array<control, 8> controls;

BOOL WINAPI set_and_record(HANDLE thread, const CONTEXT* registers) {
    const DWORD id = ::GetThreadId(thread);
    const auto place = std::find_if(controls.begin(), controls.end(),
                                    [id](const control& each) { return each.thread == id || each.thread == 0; });
    if (place != controls.end()) {
        *place = {id, registers->Dr7};
    }
    return ::SetThreadContext(thread, registers);
}

TEST(watch, leaves_no_thread_with_a_watch_behind) {
    MOOR_SKIP_UNLESS_SYSTEM_TELLS();
    controls.fill({});
    preempt::thread_calls recording;
    recording.set_context = &set_and_record;
    const replaced_calls in_use(recording);
    const auto armed = [](const control& each) { return (each.value & 0xff) != 0; };
    runtime running(test::with_workers(3));
    {
        const watch watched(&word, 8);
        EXPECT_EQ(std::count_if(controls.begin(), controls.end(), armed), 4) << "three workers and this thread";
    }
    EXPECT_EQ(std::count_if(controls.begin(), controls.end(), armed), 0);
}

// ---- The ring ------------------------------------------------------------------------------------------------------

TEST(hit_ring, forgets_the_oldest) {
    const auto ring = std::make_unique<hit_ring>();
    EXPECT_FALSE(ring->read(0));
    for (std::uint64_t number = 0; number != 70; ++number) {
        raw_hit hit;
        hit.number = ring->begin_hit();
        hit.value = number * 3;
        ring->keep(hit);
    }
    EXPECT_EQ(ring->count(), 70u);
    EXPECT_FALSE(ring->read(5));
    ASSERT_TRUE(ring->read(6));
    EXPECT_EQ(ring->read(6)->value, 18u);
    EXPECT_EQ(ring->read(69)->value, 207u);
    EXPECT_FALSE(ring->read(70));
    ring->clear();
    EXPECT_EQ(ring->count(), 0u);
    EXPECT_FALSE(ring->read(69));
}

TEST(hit_ring, readers_see_whole_hits_or_none) {
    const auto ring = std::make_unique<hit_ring>();
    std::atomic<bool> done{false};
    std::vector<std::thread> writers;
    for (std::uint64_t writer = 0; writer != 3; ++writer) {
        writers.emplace_back([&] {
            while (!done.load(std::memory_order_relaxed)) {
                raw_hit hit;
                hit.number = ring->begin_hit();
                hit.instruction = hit.value = hit.coroutine = hit.number;
                hit.name.fill(hit.number);
                ring->keep(hit);
            }
        });
    }
    std::uint64_t seen = 0;
    const auto latest = std::chrono::steady_clock::now() + 20s;
    while (seen != 200'000 && std::chrono::steady_clock::now() < latest) {
        // What is being written now, and what will take the place of another one in a moment.
        const std::uint64_t end = ring->count();
        const std::uint64_t back = seen % 2 == 0 ? 1 : hit_ring::capacity - 1;
        const auto hit = end >= back ? ring->read(end - back) : std::nullopt;
        if (hit) {
            ++seen;
            EXPECT_EQ(hit->value, hit->number);
            EXPECT_EQ(hit->name.back(), hit->number);
        }
        if (testing::Test::HasFailure()) {
            break;
        }
    }
    done = true;
    for (auto& each : writers) {
        each.join();
    }
    EXPECT_EQ(seen, 200'000u);
}

} // namespace
} // namespace moor::debug
