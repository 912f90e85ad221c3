// See primitives.hpp: task groups, joins, timers and stop tokens.
#include <array>
#include <atomic>
#include <cstdint>
#include <stop_token>
#include <vector>

#include <moor/channel.hpp>
#include <moor/semaphore.hpp>
#include <moor/task_group.hpp>
#include <moor/this_coroutine.hpp>

#include "soak/primitives.hpp"

namespace moor::test {
namespace {

using clock = soak_round::clock;

struct child_failed {};

// ---- Groups ------------------------------------------------------------------------------------------------------

enum class group_end : unsigned { well, a_child_fails, stop, a_deadline_first };

void run_child(soak_round& round, std::minstd_rand random, bool fails, std::atomic<unsigned>& ended) {
    struct count {
        std::atomic<unsigned>& of;
        ~count() { of.fetch_add(1); }
    } const counted{ended};
    for (auto steps = random() % 4; steps != 0; --steps) {
        const auto until = clock::now() + std::chrono::microseconds(random() % 3000);
        this_coroutine::sleep_until(until); // throws when it is stopped
        round.found.expect(clock::now() >= until, "a timer was early");
    }
    if (fails) {
        throw child_failed();
    }
}

void run_group(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(30, generation);
    const auto how = static_cast<group_end>(random() % 4);
    const unsigned children = 1 + random() % 6;
    const unsigned failing = random() % children;
    std::atomic<unsigned> ended{0};
    unsigned started = 0;
    bool failed = false;
    {
        task_group group;
        try {
            for (unsigned number = 0; number != children; ++number) {
                const bool fails = how == group_end::a_child_fails && number == failing;
                group.spawn(round.options("child"),
                            [&round, &ended, fails, own = round.random(31, generation * 8 + number)] {
                                run_child(round, own, fails, ended);
                            });
                ++started; // what failed before may be thrown by the spawn of the next one
            }
            if (how == group_end::stop) {
                short_delay(random);
                group.stop();
            }
            std::error_code error;
            if (how == group_end::a_deadline_first && !group.wait(short_limit(random), error)) {
                round.found.expect(error == std::errc::timed_out, "the wait for a group", error.value());
                round.done.stops.fetch_add(1, std::memory_order_relaxed);
            }
            round.found.expect(group.wait(soak_round::patience, error), "the end of a group", error.value());
        } catch (const child_failed&) {
            failed = true;
            std::error_code error;
            group.wait(soak_round::patience, error);
        }
    }
    round.found.expect(failed == (how == group_end::a_child_fails), "a child's failure was lost");
    round.found.expect(ended == started, "a child outlived its group");
    round.done.children.fetch_add(started, std::memory_order_relaxed);
    round.found.step();
}

// ---- Joins -------------------------------------------------------------------------------------------------------

// Several wait for one coroutine, some not to the end.
void run_joins(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(32, generation);
    const std::uint64_t wanted = random();
    auto one = spawn(round.options("joined"), [own = round.random(33, generation), wanted]() mutable {
        for (auto steps = own() % 5; steps != 0; --steps) {
            short_delay(own);
        }
        return wanted;
    });
    std::vector<join_handle<void>> waiters;
    for (std::uint32_t number = 0; number != 3; ++number) {
        waiters.push_back(spawn_watched(round.found, round.options("joiner"),
                                        [&round, &one, own = round.random(34, generation * 3 + number)]() mutable {
                                            std::error_code error;
                                            const bool patient = own() % 2 == 0;
                                            one.wait(patient ? wait_limit(soak_round::patience) : short_limit(own),
                                                     error);
                                            round.found.expect(!error || (!patient && error == std::errc::timed_out) ||
                                                                   error == std::errc::operation_canceled,
                                                               "a wait for an end", error.value());
                                        }));
    }
    if (random() % 2 == 0) {
        short_delay(random);
        waiters[0].request_stop();
        one.request_stop();
    }
    for (auto& each : waiters) {
        each.join();
    }
    round.found.expect(one.join(soak_round::patience) == wanted, "a result was lost");
    round.found.step();
}

// ---- Tokens ------------------------------------------------------------------------------------------------------

// Many waits of several kinds for one token.
void run_tokens(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(35, generation);
    std::stop_source source;
    semaphore none;
    channel<int> empty;
    std::vector<join_handle<void>> waiters;
    for (std::uint32_t number = 0; number != 6; ++number) {
        waiters.push_back(spawn_watched(round.found, round.options("waits for a token"), [&, number] {
            const wait_limit limit(soak_round::patience, source.get_token());
            std::error_code error;
            switch (number % 3) {
            case 0: this_coroutine::sleep_for(soak_round::patience, limit, error); break;
            case 1: none.acquire(limit, error); break;
            default: static_cast<void>(empty.receive(limit, error)); break;
            }
            round.found.expect(error == std::errc::operation_canceled, "a wait for a token", error.value());
        }));
    }
    short_delay(random);
    waiters[random() % waiters.size()].request_stop();
    short_delay(random);
    source.request_stop();
    for (auto& each : waiters) {
        each.join();
    }
    round.done.stops.fetch_add(waiters.size(), std::memory_order_relaxed);
    round.found.step();
}

} // namespace

void run_groups(soak_round& round) {
    for (std::uint32_t generation = 0; !round.over(); ++generation) {
        run_group(round, generation);
        run_joins(round, generation);
        run_tokens(round, generation);
    }
}

} // namespace moor::test
