// See primitives.hpp: mutex, shared mutex, condition variable, semaphore and once. What they guard is plain memory, so
// that a second owner shows.
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <moor/condition_variable.hpp>
#include <moor/mutex.hpp>
#include <moor/once.hpp>
#include <moor/semaphore.hpp>
#include <moor/shared_mutex.hpp>
#include <moor/this_coroutine.hpp>

#include "soak/primitives.hpp"

namespace moor::test {
namespace {

constexpr unsigned users = 5;
constexpr unsigned turns_each = 40;
constexpr std::size_t units = 3;

struct failed_run {};

struct guarded {
    soak_round& round;

    mutex lock{};
    std::uint64_t under_lock = 0; // by its owner alone
    std::atomic<std::uint64_t> locked{0};

    shared_mutex shared{};
    std::array<std::uint64_t, 2> under_shared{}; // the same number in both
    std::atomic<std::uint64_t> written{0};

    semaphore limited{units};
    std::atomic<std::size_t> inside{0};

    condition_variable filled{};
    std::uint64_t tokens = 0; // under `lock`
    std::uint64_t made = 0;   // likewise
    std::uint64_t taken = 0;

    std::array<once, 8> onces{};
    std::array<std::atomic<unsigned>, 8> runs{};
};

void expect_ended_well(guarded& here, const std::error_code& error, const char* what) {
    here.round.found.expect(error == std::errc::timed_out || error == std::errc::operation_canceled, what,
                            error.value());
    here.round.done.stops.fetch_add(1, std::memory_order_relaxed);
}

wait_limit any_limit(std::minstd_rand& random) {
    return random() % 3 == 0 ? short_limit(random) : wait_limit(soak_round::patience);
}

void use_mutex(guarded& here, std::minstd_rand& random) {
    std::error_code error;
    if (!here.lock.lock(any_limit(random), error)) {
        expect_ended_well(here, error, "a mutex");
        return;
    }
    const std::uint64_t before = here.under_lock;
    if (random() % 3 == 0) {
        this_coroutine::yield();
    }
    here.round.found.expect(here.under_lock == before, "a mutex had two owners");
    here.under_lock = before + 1;
    here.lock.unlock();
    here.locked.fetch_add(1, std::memory_order_relaxed);
}

void use_shared_mutex(guarded& here, std::minstd_rand& random) {
    std::error_code error;
    if (random() % 3 == 0) {
        if (!here.shared.lock(any_limit(random), error)) {
            expect_ended_well(here, error, "a shared mutex");
            return;
        }
        ++here.under_shared[0];
        this_coroutine::yield();
        ++here.under_shared[1];
        here.shared.unlock();
        here.written.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    if (!here.shared.lock_shared(any_limit(random), error)) {
        expect_ended_well(here, error, "a shared mutex, for reading");
        return;
    }
    const std::uint64_t first = here.under_shared[0];
    this_coroutine::yield();
    here.round.found.expect(here.under_shared[1] == first, "a reader saw a writer at work");
    here.shared.unlock_shared();
}

void use_semaphore(guarded& here, std::minstd_rand& random) {
    const std::size_t wanted = 1 + random() % units;
    std::error_code error;
    if (!here.limited.acquire(wanted, any_limit(random), error)) {
        expect_ended_well(here, error, "a semaphore");
        return;
    }
    here.round.found.expect(here.inside.fetch_add(wanted) + wanted <= units, "a semaphore gave more than it had");
    if (random() % 2 == 0) {
        this_coroutine::yield();
    }
    here.inside.fetch_sub(wanted);
    here.limited.release(wanted);
}

void use_once(guarded& here, std::minstd_rand& random) {
    const std::size_t which = random() % here.onces.size();
    const bool fails = random() % 3 == 0;
    std::error_code error;
    try {
        const bool ran = here.onces[which].call_within(any_limit(random), error, [&] {
            this_coroutine::yield();
            if (fails) {
                throw failed_run();
            }
            here.runs[which].fetch_add(1);
        });
        if (ran) {
            here.round.found.expect(here.runs[which] == 1, "a once ran more than once, or not at all");
        } else {
            expect_ended_well(here, error, "a once");
        }
    } catch (const failed_run&) {
        here.round.found.expect(fails, "a once threw what another caller's function did");
    }
}

void make_token(guarded& here) {
    {
        const std::lock_guard own(here.lock);
        ++here.tokens;
        ++here.made;
    }
    here.filled.notify_one();
}

void take_token(guarded& here, std::minstd_rand& random) {
    std::unique_lock own(here.lock);
    std::error_code error;
    if (here.filled.wait(
            own, std::chrono::microseconds(random() % 3000), [&here] { return here.tokens != 0; }, error)) {
        --here.tokens;
        ++here.taken;
    } else {
        expect_ended_well(here, error, "a condition variable");
    }
}

void use_all(guarded& here, std::minstd_rand random) {
    for (unsigned turn = 0; turn != turns_each && !this_coroutine::stop_requested(); ++turn) {
        switch (random() % 6) {
        case 0: use_mutex(here, random); break;
        case 1: use_shared_mutex(here, random); break;
        case 2: use_semaphore(here, random); break;
        case 3: use_once(here, random); break;
        case 4: make_token(here); break;
        default: take_token(here, random); break;
        }
        here.round.done.turns.fetch_add(1, std::memory_order_relaxed);
        here.round.found.step();
    }
}

void use_locks(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(20, generation);
    guarded here{round};
    std::vector<join_handle<void>> all;
    for (std::uint32_t number = 0; number != users; ++number) {
        spawn_options options = round.options("user of locks");
        options.preemptible = random() % 2 == 0;
        all.push_back(spawn_watched(round.found, options, [&here, own = round.random(21, generation * users + number)] {
            use_all(here, own);
        }));
    }
    short_delay(random);
    if (random() % 2 == 0) {
        all[random() % users].request_stop();
    }
    for (auto& each : all) {
        each.join();
    }
    round.found.expect(here.under_lock == here.locked, "a turn with a mutex was lost");
    round.found.expect(here.under_shared[0] == here.written && here.under_shared[1] == here.written,
                       "a writer's turn was lost");
    round.found.expect(here.limited.available() == units, "units of a semaphore were lost");
    round.found.expect(here.tokens + here.taken == here.made, "a token was lost");
}

} // namespace

void run_locks(soak_round& round) {
    for (std::uint32_t generation = 0; !round.over(); ++generation) {
        use_locks(round, generation);
    }
}

} // namespace moor::test
