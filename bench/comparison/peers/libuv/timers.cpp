// libuv as a peer: timers. They are of milliseconds, and in a heap of the loop's.
#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "peers/libuv/libuv_jobs.hpp"
#include "peers/libuv/loop.hpp"
#include "peers/support/share.hpp"

namespace moor::bench::peers {

figures libuv_timers(const request& asked) {
    const std::uint64_t count = asked["timers"];
    const std::uint64_t rounds = equal_share(asked.items(), count);
    constexpr std::uint64_t hour_ms = 3'600'000;
    std::mt19937_64 random(12345);
    std::vector<std::uint64_t> delays;
    std::vector<std::uint64_t> order;
    for (std::uint64_t index = 0; index < count; ++index) {
        delays.push_back(hour_ms + random() % hour_ms);
        order.push_back(index);
    }
    std::shuffle(order.begin(), order.end(), random);
    std::vector<uv_timer_t> timers(count);
    event_loop loop;
    for (uv_timer_t& timer : timers) {
        check(uv_timer_init(loop.get(), &timer), "uv_timer_init");
    }
    const auto expired = [](uv_timer_t* timer) { event_loop::of(timer).fail("a timer expired before its time"); };
    const auto start = clock::now();
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::uint64_t index = 0; index < count; ++index) {
            check(uv_timer_start(&timers[index], expired, delays[index], 0), "uv_timer_start");
        }
        if (uv_loop_alive(loop.get()) == 0) {
            throw failed("no timer is set");
        }
        for (const std::uint64_t index : order) {
            check(uv_timer_stop(&timers[index]), "uv_timer_stop");
        }
        if (uv_loop_alive(loop.get()) != 0) {
            throw failed("not every timer was cancelled");
        }
    }
    return timed(clock::now() - start, rounds * count);
}

} // namespace moor::bench::peers
