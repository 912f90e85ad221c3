// The calls on which the runtime itself depends fail once with each documented error: making the port and starting
// Winsock (the constructor reports it), dequeuing, asking for a result (nobody notices), and those that wake or cancel.
#include <array>
#include <atomic>
#include <cstdio>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <moor/error.hpp>
#include <moor/preempt.hpp>
#include <moor/spawn.hpp>

#include "iocp/documented_errors.hpp"
#include "iocp/fault_world.hpp"
#include "iocp/faults.hpp"
#include "preempt/thread_calls.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "win/system_calls.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;

void print(const char* what, std::size_t errors) {
    std::printf("[  faults  ] %s: 1 function, 1 call site, %zu errors, %zu faults\n", what, errors, errors);
}

TEST(port_faults, of_a_new_runtime_are_reported) {
    for (const auto& [which, errors] : {std::pair(imported::associate, error_list(associate_errors)),
                                        std::pair(imported::start_up, error_list(start_up_errors))}) {
        for (const int number : errors) {
            arm_fault(which, static_cast<std::uint32_t>(number));
            try {
                const runtime refused(with_workers(1));
                ADD_FAILURE() << number;
            } catch (const std::system_error& failure) {
                EXPECT_EQ(failure.code(), std::error_code(number, winsock_category()));
            }
            EXPECT_EQ(disarm_fault(which), 0u);
            EXPECT_EQ(in_runtime(1, [] { return make_tcp_pair().client.write(make_bytes(5)); }), 5u) << number;
        }
        print(which == imported::start_up ? "starting Winsock" : "making a port", errors.size());
    }
}

TEST(port_faults, of_dequeuing_are_passed_over) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        for (const int number : dequeue_errors) {
            arm_fault(imported::dequeue, static_cast<std::uint32_t>(number));
            std::array<std::byte, 5> buffer{};
            auto reader = spawn([&] { return world.pair.client.read_exactly(buffer, 20s); });
            this_coroutine::sleep_for(2ms); // the worker goes to its port, with and without a pending operation
            world.pair.server.write(make_bytes(buffer.size()));
            EXPECT_EQ(reader.join(), buffer.size());
            const std::string what = fmt::format("dequeuing with {}", number);
            EXPECT_EQ(disarm_fault(imported::dequeue), 0u) << what;
            world.expect_nothing_leaked(what);
            world.expect_to_work(what);
        }
    });
    print("dequeuing", std::size(dequeue_errors));
}

// ---- Calls on which somebody waits -------------------------------------------------------------------------------
// A refusal for want of memory is made up for; every other one ends the process with the call's name.

// Calls `once` until a fault of `which` was met.
template <class Function>
void until_refused(imported which, int error, Function once) {
    arm_fault(which, static_cast<std::uint32_t>(error), 0, 3);
    const bool reached = eventually([&] {
        once();
        const unsigned left = disarm_fault(which);
        if (left != 0) {
            arm_fault(which, static_cast<std::uint32_t>(error), 0, 3);
        }
        return left == 0;
    });
    EXPECT_TRUE(reached) << error;
}

// A lost wake-up would leave the coroutine that a plain thread starts without a worker.
TEST(port_faults, of_posting_are_made_up_for) {
    runtime running(with_workers(1));
    for (const int number : wake_shortages) {
        until_refused(imported::post, number, [&] {
            std::this_thread::sleep_for(1ms); // so that the worker sleeps
            EXPECT_EQ(running.run([] { return 7; }), 7);
        });
    }
    print("posting a wake-up", std::size(wake_shortages));
}

// The worker that alone may run a coroutine sleeps, and nothing else wakes it.
TEST(port_faults, of_waking_a_pinned_worker_are_made_up_for) {
    runtime running(with_workers(2));
    for (const int number : wake_shortages) {
        until_refused(imported::queue_apc, number, [&] {
            std::this_thread::sleep_for(1ms);
            for (unsigned worker = 0; worker < 2; ++worker) {
                EXPECT_EQ(running.spawn({.worker = worker}, [] { return 7; }).join(), 7);
            }
        });
    }
    print("waking a certain worker", std::size(wake_shortages));
}

// Whoever shuts down waits for the event.
TEST(port_faults, of_the_last_coroutines_end_are_made_up_for) {
    for (const int number : wake_shortages) {
        until_refused(imported::set_event, number, [&] {
            runtime running(with_workers(1));
            std::atomic<bool> begun{false};
            auto last = running.spawn([&] {
                const this_coroutine::stop_shield to_the_end;
                begun = true;
                this_coroutine::sleep_for(5ms);
            });
            EXPECT_TRUE(eventually([&] { return begun.load(); }));
        });
    }
    print("reporting an end", std::size(wake_shortages));
}

void refuse_for_ever(imported which) { arm_fault(which, ERROR_INVALID_HANDLE, 0, ~0u); }

const scenario post_is_refused("post_is_refused", [] {
    runtime running(with_workers(1));
    refuse_for_ever(imported::post);
    for (;;) {
        running.run([] {});
        std::this_thread::sleep_for(1ms);
    }
});
const scenario apc_is_refused("apc_is_refused", [] {
    runtime running(with_workers(2));
    refuse_for_ever(imported::queue_apc);
    for (;;) {
        running.spawn({.worker = 0u}, [] {}).join();
        running.spawn({.worker = 1u}, [] {}).join();
        std::this_thread::sleep_for(1ms);
    }
});
const scenario event_is_refused("event_is_refused", [] {
    runtime running(with_workers(1));
    running.spawn([] {
        const this_coroutine::stop_shield to_the_end;
        this_coroutine::sleep_for(50ms);
    });
    refuse_for_ever(imported::set_event);
    running.shutdown();
});
const scenario cancel_is_refused("cancel_is_refused", [] {
    runtime running(with_workers(1));
    running.run([&] {
        tcp_pair pair = make_tcp_pair();
        const win::replaced_system_calls refusing({.cancel = [](HANDLE, OVERLAPPED*) -> BOOL {
            ::SetLastError(ERROR_INVALID_HANDLE);
            return FALSE;
        }});
        std::array<std::byte, 5> buffer{};
        std::error_code error;
        pair.client.read_some(buffer, 2ms, error);
    });
});
const scenario resume_is_refused("resume_is_refused", [] {
    preempt::thread_calls calls;
    calls.resume = [](HANDLE) -> DWORD {
        ::SetLastError(ERROR_INVALID_HANDLE);
        return static_cast<DWORD>(-1);
    };
    preempt::current_thread_calls = &calls;
    runtime_options options = with_workers(1);
    options.debug.preempt_storm = true;
    runtime running(options);
    running.run([] {
        moor_run_preemptible(
            [](void*) {
                const detail::preemptible_scope scope;
                volatile unsigned turn = 0;
                for (;;) {
                    turn = turn + 1;
                }
            },
            nullptr);
    });
});

TEST(port_faults, that_last_end_the_process_with_the_name_of_the_call) {
    const struct {
        const scenario& of;
        const char* says;
    } cases[]{
        {post_is_refused, "moor: the system refuses PostQueuedCompletionStatus: error 6\n"},
        {apc_is_refused, "moor: the system refuses QueueUserAPC: error 6\n"},
        {event_is_refused, "moor: the system refuses SetEvent: error 6\n"},
        {cancel_is_refused, "moor: the system refuses CancelIoEx: error 6\n"},
        {resume_is_refused, "moor: the system refuses ResumeThread: error 6\n"},
    };
    for (const auto& each : cases) {
        const child_end end = run_in_child(each.of);
        EXPECT_FALSE(end.hung) << each.says;
        EXPECT_EQ(end.exit_status, 3u) << each.says;
        EXPECT_NE(end.error_output.find(each.says), std::string::npos) << end.error_output;
    }
}

// ---- Calls that are overlapped, or belong to such
// ------------------------------------------------------------------------------------------

std::atomic<unsigned> failed_calls{0};
std::atomic<std::uint32_t> next_failure{0};

bool fails_now() {
    const std::uint32_t error = next_failure.exchange(0);
    if (error != 0) {
        failed_calls.fetch_add(1);
        ::SetLastError(error);
    }
    return error != 0;
}

const win::system_calls failing_once{
    .result = [](SOCKET socket, OVERLAPPED* call, DWORD* count, BOOL wait, DWORD* flags) -> BOOL {
        return fails_now() ? FALSE : win::real_system_calls.result(socket, call, count, wait, flags);
    },
    .cancel = [](HANDLE handle, OVERLAPPED* call) -> BOOL {
        return fails_now() ? FALSE : win::real_system_calls.cancel(handle, call);
    },
};

// The system says that there is nothing to cancel: the packet is waited for all the same, and nothing is lost.
TEST(port_faults, of_cancelling_what_has_ended_do_not_end_the_wait) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        const win::replaced_system_calls replaced(failing_once);
        const unsigned before = failed_calls;
        next_failure = ERROR_NOT_FOUND;
        std::array<std::byte, 5> buffer{};
        std::error_code error;
        bool ended = false;
        auto reader = spawn([&] {
            const std::size_t count = world.pair.client.read_some(buffer, 2ms, error);
            ended = true;
            return count;
        });
        EXPECT_TRUE(eventually([&] { return failed_calls != before; }));
        this_coroutine::sleep_for(2ms);
        EXPECT_FALSE(ended) << "returned before its packet came";
        world.pair.server.write(make_bytes(buffer.size()));
        EXPECT_EQ(reader.join(), buffer.size());
        EXPECT_FALSE(error) << error.message();
        world.expect_nothing_leaked("cancelling");
        world.expect_to_work("cancelling");
    });
    print("cancelling what has ended", 1);
}

// Refused once and forgotten, the read would wait for a packet that nobody sends.
TEST(port_faults, of_cancelling_are_made_up_for) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        const win::replaced_system_calls replaced(failing_once);
        for (const int number : wake_shortages) {
            const unsigned before = failed_calls;
            next_failure = static_cast<std::uint32_t>(number);
            std::array<std::byte, 5> buffer{};
            std::error_code error;
            EXPECT_EQ(world.pair.client.read_some(buffer, 2ms, error), 0u) << number;
            EXPECT_EQ(error, std::errc::timed_out) << number;
            EXPECT_EQ(failed_calls, before + 1) << number;
            const std::string what = fmt::format("cancelling with {}", number);
            world.expect_nothing_leaked(what);
            world.expect_to_work(what);
        }
    });
    print("cancelling", std::size(wake_shortages));
}

TEST(port_faults, of_asking_for_a_result_are_passed_over) {
    runtime running(with_workers(1));
    running.run([&] {
        fault_world world(running);
        const win::replaced_system_calls replaced(failing_once);
        for (const int number : result_errors) {
            const unsigned before = failed_calls;
            next_failure = static_cast<std::uint32_t>(number);
            std::array<std::byte, 5> buffer{};
            world.one.send_to(make_bytes(3), world.other.local_endpoint());
            EXPECT_EQ(world.other.receive_message(buffer, 20s).bytes, 3u) << number;
            EXPECT_EQ(failed_calls, before + 1) << number;
            next_failure = 0;
            const std::string what = fmt::format("a result with {}", number);
            world.expect_nothing_leaked(what);
            world.expect_to_work(what);
        }
    });
    print("asking for a result", std::size(result_errors));
}

} // namespace
} // namespace moor::test
