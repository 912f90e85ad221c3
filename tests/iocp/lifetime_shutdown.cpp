// Runtimes that are shut down while calls are at every stage of theirs. A plain thread does it, as users do; meanwhile
// the one worker is kept at the place where the stages are what they shall be.
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>

#include "iocp/lifetime_parts.hpp"
#include "support/run.hpp"
#include "win/handle.hpp"
#include "win/windows.hpp"

namespace moor::test {
namespace {

constexpr std::size_t calls_per_runtime = 56; // with the probe fewer than the packets of a batch

// Where the worker is when the shutdown begins.
enum class place : unsigned {
    coroutine,  // in one that has ended some calls
    submission, // in a call, on its way to the system
    dequeuing,  // between the packets of some calls and what they wake
};

struct member {
    socket_owner socket;
    called call;
    stage when = stage::before_submission;
    std::int32_t status = status_cancelled;
    join_handle<void> handle;
};

// What a plain thread waits for. Not a std::binary_semaphore: libstdc++ 12 for MinGW looks at the value outside the
// mutex that its waiters sleep under, and now and then one sleeps on that was released (sched/stop_wait.hpp has more).
class event_object {
public:
    event_object() : handle_(::CreateEventW(nullptr, FALSE, FALSE, nullptr)) {}
    void set() const noexcept { ::SetEvent(handle_.get()); }
    void wait() const noexcept { ::WaitForSingleObject(handle_.get(), INFINITE); }

private:
    win::unique_handle handle_;
};

class batch {
public:
    batch(std::uint32_t seed, const event_object& shut_down) : random_(seed), shut_down_(shut_down) {}

    void run() {
        const this_coroutine::stop_shield to_the_end;
        adversary system(random_(), {.by_hand = true});
        system_ = &system;
        start_members();
        const auto where = static_cast<place>(random_() % 3);
        switch (where) {
        case place::coroutine:
            end_some(stage::not_dequeued);
            shut_down();
            break;
        case place::submission:
            system.before_submission([this](SOCKET) {
                end_some(stage::not_dequeued);
                shut_down();
            });
            start(make_member());
            while (!begun_) {
                this_coroutine::yield();
            }
            break;
        case place::dequeuing: {
            end_some(stage::not_resumed);
            probe reached([this] {
                end_some(stage::not_dequeued);
                shut_down();
            });
            reached.wait();
            break;
        }
        }
        end_the_others();
        for (const auto& each : members_) {
            each->handle.join();
        }
        EXPECT_EQ(system.pending(), 0u);
        EXPECT_EQ(system.offences(), std::vector<std::string>{});
        for (const auto& each : members_) {
            each->socket.reset();
        }
    }

    void judge(cell_counts& counts) const {
        for (const auto& each : members_) {
            expect_end(each->call, expected_error(each->status, event::shutdown), each->when, event::shutdown);
            counts.add(*each->call.call, each->when, event::shutdown);
        }
    }

private:
    member& make_member() {
        members_.push_back(std::make_unique<member>());
        member& made = *members_.back();
        const overlapped_call& chosen = any_call(random_);
        made.socket = make_socket(chosen.takes_datagrams);
        made.call = {.socket = made.socket.get(), .call = &chosen};
        return made;
    }

    void start(member& made) {
        made.handle = spawn([&made] { made.call(); });
    }

    void start_members() {
        for (std::size_t number = 1; number < calls_per_runtime; ++number) {
            start(make_member());
        }
        while (system_->pending() != members_.size()) {
            this_coroutine::yield();
        }
        for (const auto& each : members_) {
            each->when = stage::pending;
        }
        // And a few that do not get to their call before the shutdown.
        for (unsigned number = random_() % 3; number != 0; --number) {
            start(make_member());
        }
    }

    void end_some(stage when) {
        for (const auto& each : members_) {
            if (each->when == stage::pending && random_() % 3 == 0) {
                each->when = when;
                end(*each, random_() % 2 == 0 ? status_success : status_connection_reset);
            }
        }
    }

    void end(member& ended, std::int32_t status) {
        ended.status = status;
        const std::uint32_t bytes = status == status_success ? ended.call.call->bytes : 0;
        EXPECT_TRUE(system_->end_call(ended.call.socket->handle(), {0, status, true, bytes, false}));
    }

    // Begins it, and returns when every member that waits has been asked to stop. No coroutine runs meanwhile.
    void shut_down() {
        begun_ = true;
        shut_down_.set();
        for (const auto& each : members_) {
            while (each->call.self != nullptr && !each->call.asked_to_stop()) {
                std::this_thread::yield();
            }
        }
    }

    void end_the_others() {
        for (const auto& each : members_) {
            const SOCKET socket = each->call.socket->handle();
            while (!each->call.done && each->call.self == nullptr) {
                this_coroutine::yield(); // it has not begun yet
            }
            if (each->status != status_cancelled || each->call.done) {
                continue;
            }
            while (system_->pending_on(socket) == 0 && !each->call.done) {
                this_coroutine::yield();
            }
            if (each->call.done) {
                continue;
            }
            if (random_() % 2 == 0) {
                end(*each, random_() % 2 == 0 ? status_success : status_connection_reset);
                continue;
            }
            EXPECT_TRUE(yield_until([this, socket] { return system_->is_cancelled(socket); }))
                << "nobody cancelled " << each->call.call->name;
            end(*each, status_cancelled);
        }
    }

    std::mt19937 random_;
    const event_object& shut_down_;
    adversary* system_ = nullptr;
    std::vector<std::unique_ptr<member>> members_;
    bool begun_ = false;
};

} // namespace

void run_shutdowns(std::uint32_t seed, std::uint32_t count, cell_counts& counts) {
    for (std::uint32_t done = 0; done < count && !testing::Test::HasFailure(); done += calls_per_runtime) {
        const event_object wanted;
        batch members(seed + done, wanted);
        runtime running(with_workers(1));
        auto all = running.spawn([&members] { members.run(); });
        wanted.wait();
        running.shutdown();
        all.join();
        members.judge(counts);
        EXPECT_EQ(running.metrics().operations_in_use, 0u);
        EXPECT_EQ(running.metrics().coroutines_alive, 0u);
        EXPECT_EQ(running.metrics().packets_foreign, 0u);
    }
}

} // namespace moor::test
