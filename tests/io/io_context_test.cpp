#include "io/io_context.hpp"

#include <array>
#include <stop_token>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <moor/spawn.hpp>
#include <moor/this_coroutine.hpp>

#include "iocp/overlapped_calls.hpp"
#include "support/adversary.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"

namespace moor::io {
namespace {

using namespace std::chrono_literals;

// ---- Who may begin -----------------------------------------------------------------------------------------------

TEST(may_begin, not_outside_a_coroutine) {
    runtime running(test::with_workers(1));
    iocp::io_service* service = nullptr;
    running.run([&service] { service = current_io().service; });
    ASSERT_NE(service, nullptr);
    EXPECT_EQ(current_io().service, nullptr);
    EXPECT_EQ(may_begin(current_io(), service->id, {}), std::errc::operation_not_permitted);
}

TEST(may_begin, not_in_another_runtime) {
    runtime first(test::with_workers(1));
    runtime second(test::with_workers(1));
    iocp::io_service* service = nullptr;
    first.run([&service] {
        service = current_io().service;
        EXPECT_FALSE(may_begin(current_io(), service->id, {}));
    });
    second.run([&service] { EXPECT_EQ(may_begin(current_io(), service->id, {}), std::errc::operation_not_permitted); });
}

TEST(may_begin, not_past_a_limit) {
    test::in_runtime(1, [] {
        const io_context here = current_io();
        EXPECT_FALSE(may_begin(here, here.service->id, wait_limit(1h)));
        EXPECT_EQ(may_begin(here, here.service->id, wait_limit(0ms)), std::errc::timed_out);
        std::stop_source source;
        EXPECT_FALSE(may_begin(here, here.service->id, source.get_token()));
        source.request_stop();
        EXPECT_EQ(may_begin(here, here.service->id, source.get_token()), std::errc::operation_canceled);
    });
}

TEST(may_begin, not_when_the_coroutine_shall_stop) {
    test::in_runtime(1, [] {
        auto stopped = spawn([] {
            while (!this_coroutine::stop_requested()) {
                this_coroutine::yield();
            }
            EXPECT_EQ(may_begin(current_io(), current_io().service->id, {}), std::errc::operation_canceled);
            const this_coroutine::stop_shield shield;
            EXPECT_FALSE(may_begin(current_io(), current_io().service->id, {}));
        });
        stopped.request_stop();
        stopped.join();
    });
}

// ---- Owning an operation -----------------------------------------------------------------------------------------

TEST(operation_owner, gives_back_what_it_owns) {
    runtime running(test::with_workers(1));
    running.run([&running] {
        std::error_code error;
        {
            auto owned = operation_owner::acquire(*current_io().service, error);
            ASSERT_TRUE(owned);
            EXPECT_EQ(running.metrics().operations_in_use, 1u);
            auto moved = std::move(owned);
            EXPECT_FALSE(owned); // NOLINT: what a move leaves is part of the contract
            EXPECT_TRUE(moved);
            moved = operation_owner::acquire(*current_io().service, error);
            EXPECT_EQ(running.metrics().operations_in_use, 1u);
        }
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
    });
}

TEST(operation_owner, abandons_a_pending_one_to_its_packet) {
    runtime running(test::with_workers(2));
    running.run([&running] {
        iocp::io_service& service = *current_io().service;
        OVERLAPPED* overlapped = nullptr;
        {
            std::error_code error;
            const auto owned = operation_owner::acquire(service, error);
            owned->begin();
            overlapped = &owned->parameters.overlapped;
        }
        EXPECT_EQ(running.metrics().operations_in_use, 1u) << "the kernel has it";
        ::PostQueuedCompletionStatus(service.port.native_handle(), 0,
                                     static_cast<ULONG_PTR>(iocp::completion_port::key::operation), overlapped);
        EXPECT_TRUE(test::eventually([&running] { return running.metrics().operations_in_use == 0; }));
    });
}

// One runtime's worker must not put another runtime's operation into its own cache.
TEST(operation_owner, goes_home_from_another_runtime_and_from_a_plain_thread) {
    runtime first(test::with_workers(1));
    runtime second(test::with_workers(1));
    operation_owner from_plain_thread;
    operation_owner from_second;
    first.run([&] {
        std::error_code error;
        from_plain_thread = operation_owner::acquire(*current_io().service, error);
        from_second = operation_owner::acquire(*current_io().service, error);
    });
    EXPECT_EQ(first.metrics().operations_in_use, 2u);
    from_plain_thread = {};
    EXPECT_EQ(first.metrics().operations_in_use, 1u);
    second.run([&from_second] { from_second = {}; });
    EXPECT_EQ(first.metrics().operations_in_use, 0u);
    EXPECT_EQ(second.metrics().operations_in_use, 0u);
}

// ---- Foreign packets ---------------------------------------------------------------------------------------------

TEST(foreign_packets, are_counted_and_ignored) {
    runtime running(test::with_workers(2));
    running.run([&running] {
        iocp::io_service& service = *current_io().service;
        const HANDLE port = service.port.native_handle();
        constexpr auto operation_key = static_cast<ULONG_PTR>(iocp::completion_port::key::operation);
        std::error_code error;
        const auto idle = operation_owner::acquire(service, error);
        OVERLAPPED stranger{};
        ::PostQueuedCompletionStatus(port, 1, 0x1234, nullptr);
        ::PostQueuedCompletionStatus(port, 2, 0x1234, &idle->parameters.overlapped);
        ::PostQueuedCompletionStatus(port, 3, operation_key, nullptr);
        ::PostQueuedCompletionStatus(port, 4, operation_key, &stranger);
        ::PostQueuedCompletionStatus(port, 5, operation_key, &idle->parameters.overlapped);
        EXPECT_TRUE(test::eventually([&running] { return running.metrics().packets_foreign == 5; }));
        EXPECT_EQ(running.metrics().packets_dequeued, 0u);
        EXPECT_FALSE(idle->completed());
        EXPECT_EQ(running.metrics().operations_in_use, 1u);
    });
}

// ---- Waiting -----------------------------------------------------------------------------------------------------

class await_test : public testing::TestWithParam<unsigned> {
protected:
    // Starts a receive on a simulated line that never gets data.
    template <class Body>
    static void with_pending_receive(unsigned workers, Body&& body) {
        test::in_runtime(workers, [&body] {
            test::adversary system(1);
            const auto line = system.make_line();
            std::error_code error;
            const auto call = operation_owner::acquire(*current_io().service, error);
            std::array<std::byte, 8> buffer{};
            ASSERT_EQ(receive(*call, line.first, buffer), iocp::submission::pending);
            body(system, line, *call);
            EXPECT_TRUE(call->completed());
            EXPECT_EQ(system.offences(), std::vector<std::string>{});
        });
    }
};
INSTANTIATE_TEST_SUITE_P(workers, await_test, testing::Values(1u, 2u));

TEST_P(await_test, ends_with_the_packet) {
    with_pending_receive(GetParam(), [](auto& system, auto& line, iocp::operation& call) {
        system.end_stream(line.second.get());
        EXPECT_EQ(await(call, win::io_handle(line.first), {}), detail::wake_reason::notified);
        EXPECT_EQ(call.error(), 0u);
        EXPECT_EQ(system.cancellations(), 0u);
    });
}

TEST_P(await_test, returns_at_once_when_completed) {
    with_pending_receive(GetParam(), [](auto& system, auto& line, iocp::operation& call) {
        system.end_stream(line.second.get());
        EXPECT_TRUE(test::eventually([&call] { return call.completed(); }));
        EXPECT_EQ(await(call, win::io_handle(line.first), wait_limit(0ms)), detail::wake_reason::notified);
    });
}

TEST_P(await_test, cancels_at_the_deadline_and_waits_for_the_packet) {
    with_pending_receive(GetParam(), [](auto& system, auto& line, iocp::operation& call) {
        EXPECT_EQ(await(call, win::io_handle(line.first), wait_limit(5ms)), detail::wake_reason::timed_out);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(ERROR_OPERATION_ABORTED));
        EXPECT_EQ(system.cancellations(), 1u);
        EXPECT_EQ(system.pending(), 0u) << "the packet was dequeued before await returned";
    });
}

TEST_P(await_test, cancels_for_a_stop_token) {
    with_pending_receive(GetParam(), [](auto& system, auto& line, iocp::operation& call) {
        std::stop_source source;
        auto stopper = spawn([&source] { source.request_stop(); });
        EXPECT_EQ(await(call, win::io_handle(line.first), source.get_token()), detail::wake_reason::stopped);
        EXPECT_EQ(call.error(), static_cast<std::uint32_t>(ERROR_OPERATION_ABORTED));
        EXPECT_EQ(system.pending(), 0u);
        stopper.join();
    });
}

TEST_P(await_test, a_second_stop_does_not_end_the_wait_for_the_packet) {
    test::in_runtime(GetParam(), [] {
        test::adversary system(2, {.at_once = 0, .whole = 1, .patience = 0.98});
        const auto line = system.make_line();
        auto reader = spawn([&] {
            std::error_code error;
            const auto call = operation_owner::acquire(*current_io().service, error);
            std::array<std::byte, 8> buffer{};
            ASSERT_EQ(receive(*call, line.first, buffer), iocp::submission::pending);
            EXPECT_EQ(await(*call, win::io_handle(line.first), {}), detail::wake_reason::stopped);
            EXPECT_TRUE(call->completed());
        });
        EXPECT_TRUE(test::eventually([&system] { return system.pending() == 1; }));
        for (int times = 0; times < 10; ++times) {
            reader.request_stop();
            this_coroutine::yield();
        }
        reader.join();
        EXPECT_EQ(system.pending(), 0u);
    });
}

// ---- What is reported --------------------------------------------------------------------------------------------

TEST(outcome, names_the_cause) {
    using detail::wake_reason;
    EXPECT_FALSE(outcome(0, wake_reason::timed_out, true)) << "a success is a success";
    EXPECT_EQ(outcome(ERROR_OPERATION_ABORTED, wake_reason::timed_out, false), std::errc::timed_out);
    EXPECT_EQ(outcome(ERROR_OPERATION_ABORTED, wake_reason::stopped, false), std::errc::operation_canceled);
    EXPECT_EQ(outcome(ERROR_OPERATION_ABORTED, wake_reason::notified, false), std::errc::operation_canceled);
    EXPECT_EQ(outcome(WSAECONNRESET, wake_reason::timed_out, false), std::errc::connection_reset) << "not our doing";
    EXPECT_EQ(outcome(WSAECONNRESET, wake_reason::notified, true), std::errc::operation_canceled) << "closed by us";
    EXPECT_EQ(outcome(WSAENOTSOCK, wake_reason::notified, true), std::errc::operation_canceled);
}

// ---- Sharing the worker ------------------------------------------------------------------------------------------

TEST(share_worker, lets_others_run_though_no_call_ever_waits) {
    test::in_runtime(1, [] {
        bool other_ran = false;
        auto other = spawn([&other_ran] { other_ran = true; });
        for (int calls = 0; calls < 1000 && !other_ran; ++calls) {
            share_worker(current_io());
        }
        EXPECT_TRUE(other_ran);
        other.join();
    });
}

} // namespace
} // namespace moor::io
