// What the runtime adds to an overlapped call: tcp_stream::read_some and write of 64 bytes against a kernel that takes
// no time (null_kernel.hpp). A call that completes at once is the library's bookkeeping alone. A call that waits is
// also a suspension, a switch, its packet and its resumption; 64 coroutines with a call each share one dequeue, a
// single one has it for itself.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include <moor/spawn.hpp>
#include <moor/tcp.hpp>

#include "iocp/null_kernel.hpp"
#include "support/measured.hpp"

namespace moor::bench {
namespace {

using behaviour = null_kernel::behaviour;

constexpr std::size_t message_size = 64;
constexpr int calls = 500; // between two looks at the benchmark's state

// One end each of `count` real connections; the other ends are closed.
std::vector<tcp_stream> connect_streams(std::size_t count) {
    auto listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
    std::vector<tcp_stream> streams;
    for (std::size_t index = 0; index < count; ++index) {
        streams.push_back(tcp_stream::connect(listener.local_endpoint()));
        static_cast<void>(listener.accept());
    }
    return streams;
}

// `call` uses a stream once and says how many bytes that transferred.
template <class Call>
void at_once(benchmark::State& state, Call call) {
    on_one_worker(state, [call](benchmark::State& timed) {
        auto streams = connect_streams(1);
        std::uint64_t bytes = 0;
        {
            const null_kernel kernel(behaviour::completes_at_once);
            while (timed.KeepRunningBatch(calls)) {
                for (int done = 0; done < calls; ++done) {
                    bytes += call(streams.front());
                }
            }
        }
        if (bytes != message_size * static_cast<std::uint64_t>(timed.iterations())) {
            timed.SkipWithError("bytes are missing");
        }
    });
}

void read_at_once(benchmark::State& state) {
    std::array<std::byte, message_size> buffer{};
    at_once(state, [&buffer](tcp_stream& stream) { return stream.read_some(buffer); });
}

void write_at_once(benchmark::State& state) {
    const std::array<std::byte, message_size> message{};
    at_once(state, [&message](tcp_stream& stream) { return stream.write(message); });
}

std::uint64_t read_often(tcp_stream& stream) {
    std::array<std::byte, message_size> buffer;
    std::uint64_t bytes = 0;
    for (int done = 0; done < calls; ++done) {
        bytes += stream.read_some(buffer);
    }
    return bytes;
}

// Each of the coroutines reads `calls` times per batch; all reads of one turn are pending before the worker dequeues.
void read_pending(benchmark::State& state, std::size_t coroutines) {
    on_one_worker(state, [coroutines](benchmark::State& timed) {
        auto streams = connect_streams(coroutines);
        std::uint64_t bytes = 0;
        {
            const null_kernel kernel(behaviour::completes_later);
            bool finished = false;
            std::vector<join_handle<void>> others;
            for (std::size_t index = 1; index < coroutines; ++index) {
                others.push_back(spawn([&finished, &stream = streams[index]] {
                    while (!finished) {
                        benchmark::DoNotOptimize(read_often(stream));
                    }
                }));
            }
            while (timed.KeepRunningBatch(static_cast<benchmark::IterationCount>(coroutines) * calls)) {
                bytes += coroutines * read_often(streams.front());
            }
            finished = true;
            for (auto& other : others) {
                other.join();
            }
        }
        if (bytes != message_size * static_cast<std::uint64_t>(timed.iterations())) {
            timed.SkipWithError("bytes are missing");
        }
    });
}

void read_pending_64(benchmark::State& state) { read_pending(state, 64); }
void read_pending_alone(benchmark::State& state) { read_pending(state, 1); }

BENCHMARK(read_at_once)->Apply(measured);
BENCHMARK(write_at_once)->Apply(measured);
BENCHMARK(read_pending_64)->Apply(measured);
BENCHMARK(read_pending_alone)->Apply(measured);

} // namespace
} // namespace moor::bench
