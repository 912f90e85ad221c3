// moor as a peer: timers. moor has no timer objects: what is timed is a wait with a deadline, or a sleep. So a million
// timers are a million coroutines, and setting one includes starting its coroutine, cancelling it its end.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <moor/preempt.hpp>
#include <moor/this_coroutine.hpp>

#include "peers/moor/moor_peer.hpp"

namespace moor::bench::peers {

figures moor_peer::timers(const request& asked) {
    if (!on_movable_stacks) {
        throw cannot("a timer is a coroutine that sleeps, and there is no room for so many reserved stacks");
    }
    return runtime_.run([timers = asked["timers"], items = asked.items()] {
        const std::uint64_t rounds = (items + timers - 1) / timers;
        std::mt19937_64 random(12345);
        std::vector<std::chrono::milliseconds> delays;
        std::vector<std::uint64_t> order;
        for (std::uint64_t index = 0; index < timers; ++index) {
            delays.emplace_back(3'600'000 + random() % 3'600'000);
            order.push_back(index);
        }
        std::shuffle(order.begin(), order.end(), random);
        std::atomic<std::uint64_t> cancelled{0};
        const auto start = clock::now();
        for (std::uint64_t round = 0; round < rounds; ++round) {
            std::vector<join_handle<void>> sleeping;
            sleeping.reserve(timers);
            for (std::uint64_t index = 0; index < timers; ++index) {
                sleeping.push_back(moor::spawn(coroutine_options(), [delay = delays[index], counted = &cancelled] {
                    std::error_code error;
                    this_coroutine::sleep_for(delay, {}, error);
                    if (error == std::errc::operation_canceled) {
                        counted->fetch_add(1, std::memory_order_relaxed);
                    }
                }));
            }
            for (const std::uint64_t index : order) {
                sleeping[index].request_stop();
            }
            for (const std::uint64_t index : order) {
                sleeping[index].join();
            }
        }
        const auto time = clock::now() - start;
        if (cancelled != rounds * timers) {
            throw failed("not every timer was cancelled");
        }
        return timed(time, rounds * timers);
    });
}

figures moor_peer::timer_delay(const request& asked) {
    return runtime_.run([loops = asked["loops"], items = asked.items()] {
        std::atomic<bool> over{false};
        std::vector<join_handle<void>> computing;
        spawn_options preemptible = coroutine_options();
        preemptible.preemptible = true;
        for (std::uint64_t index = 0; index < loops; ++index) {
            preemptible.worker = static_cast<unsigned>(index);
            computing.push_back(moor::spawn(preemptible, [until = &over] {
                for (std::uint64_t work = 0; !until->load(std::memory_order_relaxed); ++work) {
                    benchmark::DoNotOptimize(work);
                }
            }));
        }
        std::vector<clock::duration> late;
        for (std::uint64_t item = 0; item < items; ++item) {
            const auto due = clock::now() + std::chrono::milliseconds(1);
            this_coroutine::sleep_until(due);
            late.push_back(clock::now() - due);
        }
        over = true;
        for (auto& loop : computing) {
            loop.join();
        }
        return lateness(std::move(late));
    });
}

} // namespace moor::bench::peers
