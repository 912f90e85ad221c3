#include "iocp/operation.hpp"

#include <atomic>
#include <cstdio>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/detail/wait.hpp>
#include <moor/spawn.hpp>

#include "io/io_context.hpp"
#include "support/eventually.hpp"
#include "support/run.hpp"
#include "support/seed.hpp"
#include "win/compiler.hpp"

namespace moor::iocp {
namespace {

using namespace std::chrono_literals;

constexpr auto status_cancelled = static_cast<LONG>(0xC0000120);
constexpr auto status_connection_refused = static_cast<LONG>(0xC0000236);

class operation_in_pool : public testing::Test {
protected:
    operation_pool pool{64};
};

TEST_F(operation_in_pool, is_found_by_its_overlapped) {
    operation& first = pool.acquire(nullptr);
    operation& second = pool.acquire(nullptr);
    EXPECT_NE(&first, &second);
    EXPECT_EQ(&operation::of(&first.parameters.overlapped), &first);
    EXPECT_TRUE(pool.owns(&second.parameters.overlapped));
    OVERLAPPED stranger{};
    EXPECT_FALSE(pool.owns(&stranger));
    EXPECT_FALSE(pool.owns(nullptr));
    auto* const inside = reinterpret_cast<OVERLAPPED*>(reinterpret_cast<std::byte*>(&first.parameters.overlapped) + 64);
    EXPECT_FALSE(pool.owns(inside)) << "an address inside an operation is not that of its OVERLAPPED";
    pool.release(first, nullptr);
    pool.release(second, nullptr);
    EXPECT_TRUE(pool.owns(&first.parameters.overlapped)) << "its memory is the pool's as long as the pool lives";
}

TEST_F(operation_in_pool, the_balance_counts_what_is_out) {
    operation_cache cache;
    std::vector<operation*> out;
    for (int round = 0; round < 40; ++round) {
        out.push_back(&pool.acquire(round % 2 == 0 ? &cache : nullptr));
    }
    EXPECT_EQ(cache.balance.load() + pool.shared_balance(), 40);
    EXPECT_EQ(std::set<operation*>(out.begin(), out.end()).size(), 40u);
    for (operation* const each : out) { // all through the cache: its own balance goes below zero
        pool.release(*each, &cache);
    }
    EXPECT_EQ(cache.balance.load(), -20);
    EXPECT_EQ(cache.balance.load() + pool.shared_balance(), 0);
}

TEST_F(operation_in_pool, a_full_pool_says_so) {
    std::vector<operation*> out;
    EXPECT_THROW(
        for (;;) { out.push_back(&pool.acquire(nullptr)); }, std::system_error);
    EXPECT_GE(out.size(), 64u);
    pool.release(*out.back(), nullptr);
    EXPECT_EQ(&pool.acquire(nullptr), out.back());
}

TEST_F(operation_in_pool, begins_clean) {
    operation& call = pool.acquire(nullptr);
    call.parameters.overlapped.Offset = 7;
    call.parameters.overlapped.Internal = 8;
    call.parameters.transferred = 9;
    call.parameters.flags = 10;
    call.complete_without_packet(11, 12);
    call.begin();
    EXPECT_FALSE(call.completed());
    EXPECT_EQ(call.parameters.overlapped.Offset, 0u);
    EXPECT_EQ(call.parameters.overlapped.Internal, 0u);
    EXPECT_EQ(call.parameters.overlapped.hEvent, nullptr);
    EXPECT_EQ(call.parameters.transferred, 0u);
    EXPECT_EQ(call.parameters.flags, 0u);
    call.complete_without_packet(13, 14);
    EXPECT_TRUE(call.completed());
    EXPECT_EQ(call.transferred(), 13u);
    EXPECT_EQ(call.error(), 14u);
}

// By what the kernel has written: a status that is no error has had its packet, unless that is skipped.
TEST_F(operation_in_pool, a_call_that_has_run_is_pending_whatever_error_it_reports) {
    constexpr std::uint32_t status_pending = 0x103;
    struct row {
        std::uint32_t status; // in the OVERLAPPED when the call has returned
        std::uint32_t error;  // that it returned
        submission without_skipping;
        submission with_skipping;
        std::uint32_t transferred; // when it is completed without a packet and has run
    };
    constexpr auto pending = submission::pending;
    constexpr auto completed = submission::completed;
    const row rows[]{
        {0, 0, pending, completed, 5},
        {status_pending, ERROR_IO_PENDING, pending, pending, 0},
        {0x80000005, ERROR_MORE_DATA, pending, completed, 5},     // STATUS_BUFFER_OVERFLOW, a warning
        {0x80000005, WSAEMSGSIZE, pending, completed, 5},         // the same of a datagram
        {0x8000001A, ERROR_NO_MORE_ITEMS, pending, completed, 5}, // STATUS_NO_MORE_ENTRIES, a warning
        {0x80000006, ERROR_NO_MORE_FILES, pending, completed, 5}, // STATUS_NO_MORE_FILES, a warning
        {0x4000000F, ERROR_IO_DEVICE, pending, completed, 5},     // an informational status under any number
        {0x00000105, ERROR_MORE_DATA, pending, completed, 5},     // STATUS_MORE_ENTRIES, a success
        {0, WSAEMSGSIZE, completed, completed, 0},                // refused before the kernel
        {status_pending, ERROR_ACCESS_DENIED, completed, completed, 0},
        {0xC0000022, ERROR_ACCESS_DENIED, completed, completed, 0}, // an error
        {0xC0000011, ERROR_HANDLE_EOF, completed, completed, 0},
    };
    operation& call = pool.acquire(nullptr);
    for (const row& each : rows) {
        for (const bool skips : {false, true}) {
            call.begin();
            call.parameters.overlapped.Internal = each.status;
            call.parameters.overlapped.InternalHigh = 5;
            const submission seen = call.returned(each.error, skips);
            EXPECT_EQ(seen, skips ? each.with_skipping : each.without_skipping)
                << std::hex << each.status << ", error " << std::dec << each.error << (skips ? ", skips" : "");
            EXPECT_EQ(call.completed(), seen == completed);
            if (seen == completed) {
                EXPECT_EQ(call.error(), each.error);
                EXPECT_EQ(call.transferred(), each.transferred);
            }
        }
    }
}

TEST_F(operation_in_pool, takes_the_result_from_the_packet) {
    operation& call = pool.acquire(nullptr);
    call.begin();
    call.parameters.transferred = 0xdead; // the output parameter is nobody's source
    call.parameters.overlapped.Internal = static_cast<ULONG_PTR>(status_connection_refused);
    EXPECT_EQ(call.packet_dequeued(42), packet_outcome::delivered);
    EXPECT_TRUE(call.completed());
    EXPECT_EQ(call.transferred(), 42u);
    EXPECT_EQ(call.error(), static_cast<std::uint32_t>(ERROR_CONNECTION_REFUSED));
}

TEST_F(operation_in_pool, a_packet_that_nobody_awaits_changes_nothing) {
    operation& call = pool.acquire(nullptr);
    EXPECT_EQ(call.packet_dequeued(1), packet_outcome::unexpected) << "never submitted";
    call.begin();
    call.complete_without_packet(2, 3);
    EXPECT_EQ(call.packet_dequeued(4), packet_outcome::unexpected) << "completed";
    EXPECT_EQ(call.transferred(), 2u);
    EXPECT_EQ(call.error(), 3u);
    pool.release(call, nullptr);
    EXPECT_EQ(call.packet_dequeued(5), packet_outcome::unexpected) << "in the pool";
}

TEST_F(operation_in_pool, abandoned_while_pending_it_is_the_dequeuers) {
    operation& call = pool.acquire(nullptr);
    EXPECT_FALSE(call.abandon()) << "not pending";
    call.begin();
    EXPECT_TRUE(call.abandon());
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::abandoned);
    pool.release(call, nullptr);

    operation& late = pool.acquire(nullptr);
    late.begin();
    EXPECT_EQ(late.packet_dequeued(0), packet_outcome::delivered);
    EXPECT_FALSE(late.abandon()) << "the packet came first";
}

TEST_F(operation_in_pool, a_handler_gets_the_completed_operation) {
    struct record {
        operation* completed = nullptr;
        std::uint32_t error = 0;
    } seen;
    operation& call = pool.acquire(nullptr);
    call.complete_to(
        [](operation& completed, void* context) noexcept {
            auto& target = *static_cast<record*>(context);
            target.completed = &completed;
            target.error = completed.error();
        },
        &seen);
    call.begin();
    call.complete_without_packet(0, 5);
    EXPECT_EQ(seen.completed, nullptr) << "no packet, no handler";
    call.begin();
    call.parameters.overlapped.Internal = static_cast<ULONG_PTR>(status_cancelled);
    EXPECT_EQ(call.packet_dequeued(0), packet_outcome::handled);
    EXPECT_EQ(seen.completed, &call);
    EXPECT_EQ(seen.error, static_cast<std::uint32_t>(ERROR_OPERATION_ABORTED));

    pool.release(call, nullptr);
    seen = {};
    operation& same = pool.acquire(nullptr);
    ASSERT_EQ(&same, &call);
    same.begin();
    EXPECT_EQ(same.packet_dequeued(0), packet_outcome::delivered);
    EXPECT_EQ(seen.completed, nullptr) << "the pool forgets handlers";
}

// ---- With a waiting coroutine ------------------------------------------------------------------------------------

TEST(operation_awaited, a_packet_wakes_the_ticket_and_the_owner_completes) {
    test::in_runtime(2, [] {
        const work_guard by_thread; // this pool is not the runtime's, so it cannot know of pending operations
        operation_pool pool(64);
        operation& call = pool.acquire(nullptr);
        call.begin();
        std::atomic<bool> registered{false};
        auto waiting = spawn([&call, &registered] {
            const wait_limit unlimited;
            detail::wait wait("test", unlimited);
            ASSERT_TRUE(call.wake_on_completion(wait.ticket()));
            registered = true;
            EXPECT_EQ(wait.suspend(), detail::wake_reason::notified);
            call.woken();
            EXPECT_TRUE(call.completed());
            EXPECT_EQ(call.transferred(), 17u);
        });
        EXPECT_TRUE(test::eventually([&registered] { return registered.load(); }));
        std::thread([&call] { EXPECT_EQ(call.packet_dequeued(17), packet_outcome::delivered); }).join();
        waiting.join();
        EXPECT_EQ(call.packet_dequeued(1), packet_outcome::unexpected);
        pool.release(call, nullptr);
    });
}

TEST(operation_awaited, a_completed_one_takes_no_ticket) {
    test::in_runtime(1, [] {
        operation_pool pool(64);
        operation& call = pool.acquire(nullptr);
        call.begin();
        EXPECT_EQ(call.packet_dequeued(3), packet_outcome::delivered);
        const wait_limit unlimited;
        detail::wait wait("test", unlimited);
        EXPECT_FALSE(call.wake_on_completion(wait.ticket()));
        EXPECT_TRUE(call.completed());
        pool.release(call, nullptr);
    });
}

TEST(operation_awaited, a_withdrawn_ticket_is_not_woken) {
    test::in_runtime(1, [] {
        operation_pool pool(64);
        operation& call = pool.acquire(nullptr);
        call.begin();
        {
            const wait_limit limit(0ms);
            detail::wait wait("test", limit);
            ASSERT_TRUE(call.wake_on_completion(wait.ticket()));
            EXPECT_EQ(wait.suspend(), detail::wake_reason::timed_out);
        }
        EXPECT_TRUE(call.withdraw()) << "the packet has not come";
        EXPECT_FALSE(call.completed());
        EXPECT_EQ(call.packet_dequeued(5), packet_outcome::delivered);
        EXPECT_TRUE(call.completed());
        EXPECT_FALSE(call.withdraw()) << "it has come now";
        pool.release(call, nullptr);
    });
}

// Spins until both threads are there, so that what follows happens at the same time on both.
class rendezvous {
public:
    void meet() noexcept {
        const int turn = arrived_.fetch_add(1, std::memory_order_acq_rel) / 2;
        for (int spins = 0; arrived_.load(std::memory_order_acquire) < 2 * (turn + 1); ++spins) {
            if (spins < 10'000) {
                win::pause();
            } else {
                std::this_thread::yield();
            }
        }
    }

private:
    std::atomic<int> arrived_{0};
};

void spin(int turns) noexcept {
    for (int turn = 0; turn < turns; ++turn) {
        win::pause();
    }
}

// The race that the `claiming` state is for: the packet and the deadline come at the same time, on two threads. Whoever
// wins, the owner ends with a completed operation exactly once and may reuse it at once.
TEST(operation_awaited, packet_and_time_out_race) {
    constexpr int rounds = 3000;
    const std::uint32_t seed = test::test_seed();
    test::in_runtime(2, [seed] {
        const work_guard by_thread;
        operation_pool pool(64);
        operation& call = pool.acquire(nullptr);
        rendezvous both;
        // Stands for the worker that dequeues the packet.
        std::thread dequeuer([&, random = std::minstd_rand(seed)]() mutable {
            for (int round = 1; round <= rounds; ++round) {
                both.meet();
                spin(static_cast<int>(random() % 40));
                EXPECT_EQ(call.packet_dequeued(static_cast<std::uint32_t>(round)), packet_outcome::delivered);
            }
        });
        std::minstd_rand random(seed + 1);
        int at_once = 0;
        int packet_first = 0;
        int deadline_first = 0;
        for (int round = 1; round <= rounds; ++round) {
            call.begin();
            both.meet();
            spin(static_cast<int>(random() % 20));
            bool registered = false;
            bool woken = false;
            {
                const wait_limit limit(wait_limit::clock::now()); // over as soon as it is looked at
                detail::wait wait("test", limit);
                registered = call.wake_on_completion(wait.ticket());
                if (registered) {
                    spin(static_cast<int>(random() % 20));
                    woken = wait.suspend() == detail::wake_reason::notified;
                }
            }
            if (!registered) {
                ++at_once;
            } else if (woken) {
                ++packet_first;
                call.woken();
            } else {
                ++deadline_first;
                if (call.withdraw()) {
                    const wait_limit unlimited;
                    detail::wait wait("test", unlimited, detail::stop_request::ignored);
                    if (call.wake_on_completion(wait.ticket())) {
                        EXPECT_EQ(wait.suspend(), detail::wake_reason::notified);
                        call.woken();
                    }
                }
            }
            EXPECT_TRUE(call.completed());
            EXPECT_EQ(call.transferred(), static_cast<std::uint32_t>(round));
        }
        dequeuer.join();
        pool.release(call, nullptr);
        std::printf("[   race   ] of %d: complete before the wait %d, packet first %d, deadline first %d\n", rounds,
                    at_once, packet_first, deadline_first);
    });
}

} // namespace
} // namespace moor::iocp
