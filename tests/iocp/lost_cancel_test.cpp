// A system that loses a request to cancel, as Wine does when the request finds the call at work: the call ends all the
// same, soon after the next request.
#include <array>
#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/tcp_pair.hpp"
#include "win/system_calls.hpp"

namespace moor {
namespace {

using namespace std::chrono_literals;

std::atomic<int> to_lose{0};

BOOL WINAPI lose_some(HANDLE handle, OVERLAPPED* overlapped) {
    if (to_lose.load() > 0 && to_lose.fetch_sub(1) > 0) {
        ::SetLastError(ERROR_NOT_FOUND);
        return FALSE;
    }
    return win::real_system_calls.cancel(handle, overlapped);
}

class lost_cancel : public testing::TestWithParam<unsigned> {
protected:
    lost_cancel() : running(test::with_workers(GetParam())) {}
    ~lost_cancel() override {
        running.shutdown();
        EXPECT_LE(to_lose.exchange(0), 0) << "what was to be lost was asked for";
    }

private:
    const win::replaced_system_calls replaced_{{.cancel = &lose_some}};

protected:
    runtime running; // its handles are closed, and cancelled, under that table
};

INSTANTIATE_TEST_SUITE_P(iocp, lost_cancel, testing::Values(1u, 2u));

TEST_P(lost_cancel, of_a_call_that_is_over_its_time) {
    running.run([] {
        auto pair = test::make_tcp_pair();
        std::array<std::byte, 8> buffer{};
        std::error_code error;
        to_lose = 2;
        EXPECT_EQ(pair.client.read_some(buffer, 10ms, error), 0u);
        EXPECT_EQ(error, std::errc::timed_out);
    });
}

TEST_P(lost_cancel, of_a_call_that_is_stopped) {
    running.run([] {
        auto pair = test::make_tcp_pair();
        auto reader = spawn([&] {
            std::array<std::byte, 8> buffer{};
            std::error_code error;
            pair.client.read_some(buffer, {}, error);
            return error;
        });
        this_coroutine::sleep_for(10ms);
        to_lose = 1;
        reader.request_stop();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
    });
}

TEST_P(lost_cancel, of_calls_on_what_is_closed) {
    running.run([] {
        auto pair = test::make_tcp_pair();
        const auto read = [&] {
            std::array<std::byte, 8> buffer{};
            std::error_code error;
            pair.client.read_some(buffer, {}, error);
            return error;
        };
        auto first = spawn(read);
        auto second = spawn(read);
        this_coroutine::sleep_for(10ms);
        to_lose = 2;
        pair.client.close();
        EXPECT_EQ(first.join(), std::errc::operation_canceled);
        EXPECT_EQ(second.join(), std::errc::operation_canceled);
        // It is closed when they are done, and nobody looks after it any more.
        pair.client.close_and_wait();
    });
}

// Nothing runs meanwhile that would have the closed one looked after.
TEST_P(lost_cancel, of_a_call_on_what_a_plain_thread_closes) {
    std::thread closer;
    running.run([&] {
        auto pair = test::make_tcp_pair();
        closer = std::thread([&] {
            std::this_thread::sleep_for(100ms);
            to_lose = 1;
            pair.client.close();
        });
        std::array<std::byte, 8> buffer{};
        std::error_code error;
        pair.client.read_some(buffer, {}, error);
        EXPECT_EQ(error, std::errc::operation_canceled);
    });
    closer.join();
}

// The last call of a runtime is cancelled a second time while shutdown waits for it. That its waits return early says
// nothing about how long the system takes.
TEST_P(lost_cancel, of_a_shutdown_whose_waits_end_early) {
    const win::replaced_system_calls impatient({.wait_for = [](HANDLE waited, DWORD timeout) -> DWORD {
        return win::real_system_calls.wait_for(waited, timeout == INFINITE ? timeout : std::min<DWORD>(timeout, 1));
    }});
    tcp_listener listener;
    running.run([&] {
        listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0), {.outstanding_accepts = 1});
    });
    ASSERT_EQ(running.metrics().operations_in_use, 1u);
    to_lose = 1;
    running.shutdown();
    EXPECT_EQ(running.metrics().operations_in_use, 0u);
}

} // namespace
} // namespace moor
