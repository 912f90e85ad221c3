// Messages from one coroutine to another over a channel, unbuffered and buffered, with and without a deadline on every
// receive, and a mutex that nobody contends for. Time per message, or per lock and unlock.
#include <chrono>
#include <cstdint>

#include <benchmark/benchmark.h>

#include <moor/channel.hpp>
#include <moor/mutex.hpp>
#include <moor/spawn.hpp>

#include "support/measured.hpp"

namespace moor::bench {
namespace {

// The sender is timed; the receiver keeps up, since the channel holds no more than `capacity`. `receive` gets one
// message.
template <class Receive>
void send_to_one(benchmark::State& state, std::size_t capacity, Receive receive) {
    on_one_worker(state, [capacity, receive](benchmark::State& timed) {
        constexpr int batch = 500;
        const channel<std::uint64_t> messages(capacity);
        auto sum = spawn([messages, receive] {
            std::uint64_t total = 0;
            while (const auto message = receive(messages)) {
                total += *message;
            }
            return total;
        });
        std::uint64_t next = 0;
        while (timed.KeepRunningBatch(batch)) {
            for (int index = 0; index < batch; ++index) {
                messages.send(++next);
            }
        }
        messages.close();
        if (sum.join() != next * (next + 1) / 2) {
            timed.SkipWithError("messages were lost");
        }
    });
}

constexpr auto plainly = [](const channel<std::uint64_t>& from) { return from.receive(); };
constexpr auto with_deadline = [](const channel<std::uint64_t>& from) { return from.receive(std::chrono::hours(1)); };

void channel_unbuffered(benchmark::State& state) { send_to_one(state, 0, plainly); }
void channel_of_64(benchmark::State& state) { send_to_one(state, 64, plainly); }
void channel_unbuffered_deadline(benchmark::State& state) { send_to_one(state, 0, with_deadline); }

void mutex_uncontended(benchmark::State& state) {
    on_one_worker(state, [](benchmark::State& timed) {
        mutex guard;
        std::uint64_t guarded = 0;
        for (auto _ : timed) {
            guard.lock();
            benchmark::DoNotOptimize(++guarded);
            guard.unlock();
        }
    });
}

BENCHMARK(channel_unbuffered)->Apply(measured);
BENCHMARK(channel_of_64)->Apply(measured);
BENCHMARK(channel_unbuffered_deadline)->Apply(measured);
BENCHMARK(mutex_uncontended)->Apply(measured);

} // namespace
} // namespace moor::bench
