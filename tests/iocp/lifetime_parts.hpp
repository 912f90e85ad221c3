// What the lifetime tests share: stages and events, how often each of their cells was reached, and one call whose end
// is looked at.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <moor/this_coroutine.hpp>

#include "sched/coroutine.hpp"
#include "sched/signal.hpp"
#include "sched/worker.hpp"
#include "support/every_call.hpp"

namespace moor::test {

/// Where a call is when something happens to it.
enum class stage : unsigned { before_submission, pending, not_dequeued, not_resumed };
inline constexpr std::array stages{stage::before_submission, stage::pending, stage::not_dequeued, stage::not_resumed};
inline constexpr std::array stage_names{"before submission", "pending", "completed, not dequeued",
                                        "dequeued, not resumed"};

/// What happens to it.
enum class event : unsigned { close, stop, time_out, peer_reset, shutdown };
inline constexpr std::array events{event::close, event::stop, event::time_out, event::peer_reset, event::shutdown};
inline constexpr std::array event_names{"close", "stop", "time-out", "peer reset", "shutdown"};

/// How many schedules reached each cell.
class cell_counts {
public:
    void add(const overlapped_call& call, stage when, event what) noexcept { ++cell(index_of(call), when, what); }

    /// Prints stages by events, and the rarest cell of all calls; returns the number of schedules.
    std::uint64_t print() const;

    /// The cells that no schedule reached.
    [[nodiscard]] std::string never_reached() const;

private:
    static constexpr std::size_t calls = 13;

    static std::size_t index_of(const overlapped_call& call) noexcept {
        return static_cast<std::size_t>(&call - every_call().data());
    }
    std::uint64_t& cell(std::size_t call, stage when, event what) noexcept {
        return counts_[call][static_cast<unsigned>(when)][static_cast<unsigned>(what)];
    }

    std::array<std::array<std::array<std::uint64_t, events.size()>, stages.size()>, calls> counts_{};
};

/// One call on a coroutine of its own, what it was told and how it ended. Every member is only used by the one worker.
struct called {
    any_socket* socket = nullptr;
    const overlapped_call* call = nullptr;
    std::stop_token token{};
    std::optional<std::chrono::nanoseconds> patience{}; ///< until its deadline, from the call on; of 0 it is over then
    const detail::coroutine* self = nullptr;
    wait_limit::time_point deadline = wait_limit::time_point::max();
    bool done = false;
    bool intact = false;
    std::size_t bytes = 0;
    std::error_code error{};

    void operator()() {
        self = sched::worker::current_coroutine();
        wait_limit limit(token);
        if (patience) {
            limit = wait_limit(*patience, token);
            deadline = limit.deadline();
        }
        bytes = call->run(*socket, limit, error, intact);
        done = true;
    }

    [[nodiscard]] bool asked_to_stop() const noexcept { return self->stop_requested.load(); }
};

using socket_owner = std::unique_ptr<any_socket, io::close_and_release>;

/// A new one of the calling coroutine's runtime.
[[nodiscard]] socket_owner make_socket(bool takes_datagrams);

[[nodiscard]] const overlapped_call& any_call(std::mt19937& random);

// How a call ends, by the kernel.
inline constexpr auto status_success = std::int32_t{0};
inline constexpr auto status_cancelled = static_cast<std::int32_t>(0xC0000120);
inline constexpr auto status_connection_reset = static_cast<std::int32_t>(0xC000020D);

[[nodiscard]] std::error_code connection_reset();

/// What a call reports that ended with `status` after `what` happened.
[[nodiscard]] std::error_code expected_error(std::int32_t status, event what);

/// Fails the test when the call has not ended like that.
void expect_end(const called& ended, const std::error_code& wanted, stage when, event what);

/// Yields until `condition()` is true; false when that takes too long, as it does when nobody cancels a call.
template <class Condition>
[[nodiscard]] bool yield_until(Condition condition) {
    const auto end = wait_limit::clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (wait_limit::clock::now() >= end) {
            return false;
        }
        this_coroutine::yield();
    }
    return true;
}

/// So many schedules, or a few more, that end with a shutdown of their runtime (lifetime_shutdown.cpp).
void run_shutdowns(std::uint32_t seed, std::uint32_t count, cell_counts& counts);

/// An operation of the test's own, whose packet comes behind that of a call which has just been ended: the function
/// runs on the worker when the call's packet has been dequeued and nobody has been resumed. For that the one worker
/// takes all packets that there are.
template <class Function>
class probe {
public:
    explicit probe(Function function) : function_(std::move(function)) {
        iocp::io_service& service = *io::current_io().service;
        std::error_code error;
        iocp::operation* const call = io::operation_owner::acquire(service, error).release();
        call->complete_to(&probe::run, this);
        call->begin();
        service_ = &service;
        service.least_room = iocp::packets_per_batch;
        ::PostQueuedCompletionStatus(service.port.native_handle(), 0,
                                     static_cast<ULONG_PTR>(iocp::completion_port::key::operation),
                                     &call->parameters.overlapped);
    }
    probe(const probe&) = delete;
    probe& operator=(const probe&) = delete;

    /// Until the function has run.
    void wait() noexcept {
        const this_coroutine::stop_shield until_then;
        static_cast<void>(reached_.wait());
        service_->least_room = 1;
    }

private:
    static void run(iocp::operation& completed, void* self) noexcept {
        auto& here = *static_cast<probe*>(self);
        const auto owned = io::operation_owner::adopt(completed, *here.service_);
        here.function_();
        here.reached_.set();
    }

    Function function_;
    iocp::io_service* service_ = nullptr;
    signal reached_;
};

} // namespace moor::test
