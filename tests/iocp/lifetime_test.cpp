// Close, stop, time-out, peer reset and the runtime's shutdown at every stage of every overlapped call, in random
// order. Law 2: whatever happens, the call returns when its packet has been dequeued, says what became of it, and its
// operation is back in the pool. One worker and an adversary that ends calls by hand make each stage certain.
#include "iocp/lifetime_parts.hpp"

#include <cstdio>
#include <random>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "support/run.hpp"
#include "support/seed.hpp"

namespace moor::test {
namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t schedules = 100'000;

// ---- One call at a time --------------------------------------------------------------------------------------------

class one_by_one {
public:
    one_by_one(adversary& system, runtime& running, std::mt19937& random, cell_counts& counts)
        : system_(system), running_(running), random_(random), counts_(counts) {}

    void run_one() {
        call_ = &any_call(random_);
        what_ = events[random_() % 4]; // shutdown has a runtime each
        when_ = stages[random_() % stages.size()];
        socket_owner& socket = call_->takes_datagrams ? datagrams_ : stream_;
        if (!socket) {
            socket = make_socket(call_->takes_datagrams);
        }
        stop_ = {};
        victim_ = {.socket = socket.get(), .call = call_};
        status_ = status_success;
        by_handle_ = random_() % 2 == 0;
        if (what_ == event::stop && !by_handle_) {
            victim_.token = stop_.get_token();
        }
        if (what_ == event::time_out) {
            victim_.patience = 60us + std::chrono::microseconds(random_() % 60);
        }
        if (when_ == stage::before_submission && random_() % 2 == 0) {
            before_the_call();
        } else if (when_ == stage::before_submission) {
            within_the_call();
        } else {
            after_submission();
        }
        handle_.join(); // not by yielding: an idle worker looks at its port at once
        expect_end(victim_, expected_, when_, what_);
        if (what_ == event::close) {
            socket.reset();
        }
        ASSERT_EQ(system_.pending(), 0u) << call_->name << " returned before its packet came";
        ASSERT_EQ(running_.metrics().operations_in_use, 0u) << call_->name;
        counts_.add(*call_, when_, what_);
    }

private:
    void start() {
        handle_ = spawn([this] { victim_(); });
    }

    void let_happen() {
        switch (what_) {
        case event::close: victim_.socket->close(); break;
        case event::stop: by_handle_ ? handle_.request_stop() : static_cast<void>(stop_.request_stop()); break;
        case event::time_out:
            while (wait_limit::clock::now() < victim_.deadline) {
            }
            break;
        default: break; // a peer's reset is what the system says of the call
        }
    }

    // The call has not begun.
    void before_the_call() {
        start();
        if (what_ == event::time_out) {
            victim_.patience = 0ns; // over at any next reading; one of 1 ns is not until the clock ticks
        }
        if (what_ == event::peer_reset) {
            system_.script(call_->kind, scripted_end::fails_at_once(WSAECONNRESET));
        }
        let_happen_before();
        while (!victim_.done && system_.pending() == 0) {
            this_coroutine::yield();
        }
        if (!victim_.done) { // a failure, and not a join that never returns
            ADD_FAILURE() << call_->name << " was submitted after " << event_names[static_cast<unsigned>(what_)];
            status_ = status_cancelled;
            end();
            return;
        }
        expected_ = what_ == event::peer_reset ? connection_reset() : expected_error(status_cancelled, what_);
    }
    void let_happen_before() {
        if (what_ != event::time_out) {
            let_happen();
        }
    }

    // The call has looked at all that could keep it from beginning, and is on its way to the system.
    void within_the_call() {
        system_.before_submission([this](SOCKET) {
            if (what_ == event::peer_reset) {
                system_.script(call_->kind, scripted_end::fails_at_once(WSAECONNRESET));
            }
            let_happen();
        });
        start();
        while (!victim_.done && system_.pending() == 0) {
            this_coroutine::yield();
        }
        if (what_ == event::peer_reset) {
            expected_ = connection_reset();
        } else if (victim_.done) { // its time was over before it came so far
            system_.before_submission({});
            expected_ = expected_error(status_cancelled, what_);
        } else {
            end_a_pending_one();
        }
    }

    void after_submission() {
        start();
        while (!victim_.done && system_.pending() == 0) {
            this_coroutine::yield();
        }
        if (victim_.done) {
            when_ = stage::before_submission;
            expected_ = expected_error(status_cancelled, what_);
            return;
        }
        switch (when_) {
        case stage::pending:
            let_happen();
            end_a_pending_one();
            break;
        case stage::not_dequeued:
            end_with_any_status();
            let_happen();
            break;
        default: {
            end_with_any_status();
            bool resumed = true;
            probe reached([&] {
                resumed = victim_.done;
                let_happen();
            });
            reached.wait();
            EXPECT_FALSE(resumed);
            break;
        }
        }
    }

    // After the event. Cancelled only if that was asked for; anything else at any time.
    void end_a_pending_one() {
        const unsigned choice = what_ == event::peer_reset ? 1 : random_() % 3;
        if (choice == 2) {
            EXPECT_TRUE(yield_until([this] { return system_.is_cancelled(victim_.socket->handle()); }))
                << "nobody cancelled " << call_->name << ", " << stage_names[static_cast<unsigned>(when_)] << ", "
                << event_names[static_cast<unsigned>(what_)];
            status_ = status_cancelled;
        } else {
            status_ = choice == 1 ? status_connection_reset : status_success;
            for (unsigned turns = random_() % 4; turns != 0; --turns) {
                this_coroutine::yield();
            }
        }
        end();
    }

    // Before the event.
    void end_with_any_status() {
        status_ = what_ == event::peer_reset || random_() % 2 == 0 ? status_connection_reset : status_success;
        end();
    }

    void end() {
        const std::uint32_t bytes = status_ == status_success ? call_->bytes : 0;
        ASSERT_TRUE(system_.end_call(victim_.socket->handle(), {0, status_, true, bytes, false}));
        expected_ = expected_error(status_, what_);
    }

    adversary& system_;
    runtime& running_;
    std::mt19937& random_;
    cell_counts& counts_;
    socket_owner stream_;
    socket_owner datagrams_;

    const overlapped_call* call_ = nullptr;
    stage when_{};
    event what_{};
    std::int32_t status_ = 0;
    std::error_code expected_;
    bool by_handle_ = false;
    std::stop_source stop_;
    called victim_;
    join_handle<void> handle_;
};

void run_one_by_one(std::uint32_t seed, std::uint32_t count, cell_counts& counts) {
    runtime running(with_workers(1));
    running.run([&] {
        std::mt19937 random(seed);
        adversary system(seed, {.by_hand = true});
        one_by_one test(system, running, random, counts);
        for (std::uint32_t done = 0; done < count && !testing::Test::HasFailure(); ++done) {
            test.run_one();
        }
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
    });
    EXPECT_EQ(running.metrics().packets_foreign, 0u);
}

TEST(lifetime, of_every_call_at_every_stage) {
    const std::uint32_t seed = test_seed();
    constexpr std::uint32_t with_a_runtime_each = schedules / 10;
    cell_counts counts;
    const auto began = std::chrono::steady_clock::now();
    run_one_by_one(seed, schedules - with_a_runtime_each, counts);
    run_shutdowns(seed, with_a_runtime_each, counts);
    const std::uint64_t all = counts.print();
    std::printf("%lld milliseconds\n", static_cast<long long>((std::chrono::steady_clock::now() - began) / 1ms));
    EXPECT_GE(all, schedules);
    EXPECT_EQ(counts.never_reached(), "");
}

} // namespace
} // namespace moor::test
