// See primitives.hpp: channels and select.
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include <moor/channel.hpp>
#include <moor/select.hpp>
#include <moor/this_coroutine.hpp>

#include "soak/primitives.hpp"

namespace moor::test {
namespace {

// What went in and what came out; the sum tells a lost value from a doubled one.
struct account {
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> sent_sum{0};
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> received_sum{0};

    void send(std::uint64_t value) noexcept {
        sent.fetch_add(1, std::memory_order_relaxed);
        sent_sum.fetch_add(value, std::memory_order_relaxed);
    }
    void receive(std::uint64_t value) noexcept {
        received.fetch_add(1, std::memory_order_relaxed);
        received_sum.fetch_add(value, std::memory_order_relaxed);
    }
};

using numbers = channel<std::uint64_t>;

struct exchange {
    soak_round& round;
    std::array<numbers, 2> channels;
    account kept{};
};

bool may_go_on(const std::error_code& error) { return !error || error == std::errc::timed_out; }

// Sends on either channel, in each of the ways that there are, until it is stopped or has sent enough.
void produce(exchange& here, std::uint32_t number, unsigned values) {
    std::minstd_rand random = here.round.random(10, number);
    std::error_code error;
    for (unsigned count = 0; count != values && may_go_on(error);) {
        const std::uint64_t value = std::uint64_t{number} << 32 | count;
        const numbers& to = here.channels[random() % 2];
        bool sent = false;
        const wait_limit limit = random() % 3 == 0 ? short_limit(random) : wait_limit(soak_round::patience);
        switch (random() % 3) {
        case 0: sent = to.send(value, limit, error); break;
        case 1: {
            const std::size_t chosen =
                select(limit, error, on_send(here.channels[0], value), on_send(here.channels[1], value),
                       on_timeout(std::chrono::milliseconds(2)));
            sent = chosen == 0 || chosen == 1;
            break;
        }
        default:
            sent = to.try_send(value);
            if (!sent) {
                this_coroutine::yield();
            }
            break;
        }
        if (sent) {
            here.kept.send(value);
            ++count;
        }
        if (this_coroutine::stop_requested()) {
            break;
        }
    }
    here.round.found.expect(may_go_on(error) || error == std::errc::operation_canceled, "a producer", error.value());
}

// Receives from both until both are closed and drained.
void consume(exchange& here, std::uint32_t number) {
    std::minstd_rand random = here.round.random(11, number);
    std::array<bool, 2> drained{};
    const auto take = [&](std::size_t from, const std::optional<std::uint64_t>& value) {
        if (value) {
            here.kept.receive(*value);
            here.round.found.step();
        } else {
            drained[from] = true;
        }
    };
    while (!drained[0] || !drained[1]) {
        std::error_code error;
        const wait_limit limit = random() % 3 == 0 ? short_limit(random) : wait_limit(soak_round::patience);
        if (!drained[0] && !drained[1] && random() % 2 == 0) {
            select(limit, error,
                   on_receive(here.channels[0], [&](std::optional<std::uint64_t> value) { take(0, value); }),
                   on_receive(here.channels[1], [&](std::optional<std::uint64_t> value) { take(1, value); }));
        } else {
            const std::size_t from = drained[0] || (!drained[1] && random() % 2 == 0) ? 1 : 0;
            const auto value = here.channels[from].receive(!drained[0] && !drained[1] ? short_limit(random) : limit,
                                                           error); // the other one may be the full one
            if (!error) {
                take(from, value);
            }
        }
        if (error) {
            here.round.found.expect(error == std::errc::timed_out, "a consumer", error.value());
            here.round.done.stops.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

void exchange_values(soak_round& round, std::uint32_t generation) {
    std::minstd_rand random = round.random(12, generation);
    constexpr std::array<std::size_t, 3> rooms{0, 1, 16};
    exchange here{round, {numbers(rooms[random() % 3]), numbers(rooms[random() % 3])}};
    std::vector<join_handle<void>> producers;
    std::vector<join_handle<void>> consumers;
    for (std::uint32_t number = 0; number != 3; ++number) {
        const std::uint32_t own = generation * 3 + number;
        spawn_options options = round.options("producer");
        options.preemptible = random() % 2 == 0;
        producers.push_back(spawn_watched(round.found, options, [&here, own] { produce(here, own, 60); }));
        consumers.push_back(
            spawn_watched(round.found, round.options("consumer"), [&here, own] { consume(here, own); }));
    }
    short_delay(random);
    if (random() % 2 == 0) {
        producers[0].request_stop();
        round.done.stops.fetch_add(1, std::memory_order_relaxed);
    }
    for (auto& each : producers) {
        each.join();
    }
    for (const numbers& each : here.channels) {
        each.close();
    }
    for (auto& each : consumers) {
        each.join();
    }
    round.found.expect(here.kept.sent == here.kept.received, "values were lost or doubled by a channel");
    round.found.expect(here.kept.sent_sum == here.kept.received_sum, "other values came out of a channel");
    round.done.values.fetch_add(here.kept.received, std::memory_order_relaxed);
}

} // namespace

void run_channels(soak_round& round) {
    for (std::uint32_t generation = 0; !round.over(); ++generation) {
        exchange_values(round, generation);
    }
}

} // namespace moor::test
