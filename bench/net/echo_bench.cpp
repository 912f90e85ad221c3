// TCP echo of 64 bytes, request and response, over 1 and over 64 connections: moor against the floor (floor.hpp), which
// does the same in the same process and in one thread, as moor's one worker does. Rounds of both alternate, and what
// counts is the ratio of their times in one round: the machine's mood is in both. Time is that of one moor round trip.
//
// cmake/bench.cmake pins all of it, the Wine server included, to one processor.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <benchmark/benchmark.h>

#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/tcp.hpp>

#include "net/floor.hpp"
#include "support/measured.hpp"
#include "win/system_calls.hpp"

namespace moor::bench {
namespace {

using clock = std::chrono::steady_clock;
using win::real_system_calls;
using win::system_calls;

constexpr std::size_t message_size = 64;

// ---- Counting moor's system calls -------------------------------------------------------------------------------

struct {
    std::atomic<std::uint64_t> receives{0};
    std::atomic<std::uint64_t> sends{0};
    std::atomic<std::uint64_t> dequeues{0};

    [[nodiscard]] call_counts now() const noexcept { return {receives.load(), sends.load(), dequeues.load()}; }
} counted;

void count(std::atomic<std::uint64_t>& calls) noexcept { calls.fetch_add(1, std::memory_order_relaxed); }

int WSAAPI counted_receive(SOCKET socket, WSABUF* buffers, DWORD number, DWORD* transferred, DWORD* flags,
                           OVERLAPPED* overlapped, system_calls::completion_routine routine) {
    count(counted.receives);
    return real_system_calls.receive(socket, buffers, number, transferred, flags, overlapped, routine);
}

int WSAAPI counted_send(SOCKET socket, WSABUF* buffers, DWORD number, DWORD* transferred, DWORD flags,
                        OVERLAPPED* overlapped, system_calls::completion_routine routine) {
    count(counted.sends);
    return real_system_calls.send(socket, buffers, number, transferred, flags, overlapped, routine);
}

BOOL WINAPI counted_dequeue(HANDLE port, OVERLAPPED_ENTRY* entries, ULONG room, ULONG* taken, DWORD timeout,
                            BOOL alertable) {
    count(counted.dequeues);
    return real_system_calls.dequeue(port, entries, room, taken, timeout, alertable);
}

// ---- The echo on moor -------------------------------------------------------------------------------------------

/// The same connections as echo_floor has, a coroutine at each end, on one worker.
class echo_moor {
public:
    explicit echo_moor(std::size_t connections) : runtime_(one_worker()) {
        runtime_.run([this, connections] {
            auto listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
            for (std::size_t index = 0; index < connections; ++index) {
                clients_.push_back(tcp_stream::connect(listener.local_endpoint()));
                clients_.back().set_no_delay(true);
                auto server = listener.accept();
                server.set_no_delay(true);
                spawn(serve, std::move(server));
            }
        });
    }
    ~echo_moor() {
        runtime_.run([this] { clients_.clear(); });
    }
    echo_moor(const echo_moor&) = delete;
    echo_moor& operator=(const echo_moor&) = delete;

    /// As echo_floor::run; returns how long it took, without the way into the runtime and out of it.
    clock::duration run(std::uint64_t round_trips) {
        return runtime_.run([this, round_trips] {
            const auto start = clock::now();
            std::vector<join_handle<void>> running;
            for (std::size_t index = 0; index < clients_.size(); ++index) {
                running.push_back(spawn([this, index, round_trips] { ask(clients_[index], index, round_trips); }));
            }
            for (auto& client : running) {
                client.join();
            }
            return clock::now() - start;
        });
    }

private:
    static void serve(tcp_stream peer) {
        std::array<std::byte, message_size> buffer;
        while (const std::size_t size = peer.read_some(buffer)) {
            peer.write(std::span(buffer).first(size));
        }
    }

    static void ask(tcp_stream& server, std::size_t index, std::uint64_t round_trips) {
        std::array<std::byte, message_size> message;
        for (std::size_t at = 0; at < message_size; ++at) {
            message[at] = static_cast<std::byte>(index + at);
        }
        for (std::uint64_t trip = 0; trip < round_trips; ++trip) {
            std::array<std::byte, message_size> answer;
            server.write(message);
            server.read_exactly(answer);
            if (answer != message) {
                throw std::runtime_error("the echo is not what was sent");
            }
        }
    }

    runtime runtime_;
    std::vector<tcp_stream> clients_; // gone before the runtime is
};

// ---- The comparison ---------------------------------------------------------------------------------------------

double seconds(clock::duration time) { return std::chrono::duration<double>(time).count(); }

// Both in one round, every other round the other way round.
void echo(benchmark::State& state, std::size_t connections, std::uint64_t round_trips) {
    echo_floor floor(connections, message_size);
    echo_moor moor(connections);
    const auto run_floor = [&floor](std::uint64_t trips) {
        const auto start = clock::now();
        floor.run(trips);
        return clock::now() - start;
    };
    run_floor(round_trips / 8 + 1);
    moor.run(round_trips / 8 + 1);

    std::optional<win::replaced_system_calls> counting;
    counting.emplace(system_calls{.receive = &counted_receive, .send = &counted_send, .dequeue = &counted_dequeue});
    const call_counts floor_before = floor.counts();
    const call_counts moor_before = counted.now();
    const auto trips_per_round = static_cast<double>(round_trips * connections);
    std::vector<double> ratios;
    double floor_time = 0;
    double moor_time = 0;
    for (auto _ : state) {
        const bool floor_first = ratios.size() % 2 == 0;
        clock::duration of_floor = floor_first ? run_floor(round_trips) : clock::duration();
        const clock::duration of_moor = moor.run(round_trips);
        if (!floor_first) {
            of_floor = run_floor(round_trips);
        }
        ratios.push_back(seconds(of_floor) / seconds(of_moor));
        floor_time += seconds(of_floor);
        moor_time += seconds(of_moor);
        state.SetIterationTime(seconds(of_moor) / trips_per_round);
    }
    counting.reset();

    const double trips = trips_per_round * static_cast<double>(ratios.size());
    const call_counts floor_after = floor.counts();
    const call_counts moor_after = counted.now();
    std::sort(ratios.begin(), ratios.end());
    state.counters["ratio"] = ratios[ratios.size() / 2];
    state.counters["floor_per_second"] = trips / floor_time;
    state.counters["moor_per_second"] = trips / moor_time;
    const auto count_calls = [&state, trips](const char* name, std::uint64_t before, std::uint64_t after) {
        state.counters[name] = static_cast<double>(after - before) / trips;
    };
    count_calls("floor_receives", floor_before.receives, floor_after.receives);
    count_calls("floor_sends", floor_before.sends, floor_after.sends);
    count_calls("floor_dequeues", floor_before.dequeues, floor_after.dequeues);
    count_calls("moor_receives", moor_before.receives, moor_after.receives);
    count_calls("moor_sends", moor_before.sends, moor_after.sends);
    count_calls("moor_dequeues", moor_before.dequeues, moor_after.dequeues);
}

void echo_1(benchmark::State& state) { echo(state, 1, 1000); }
void echo_64(benchmark::State& state) { echo(state, 64, 20); }

void compared(benchmark::internal::Benchmark* registered) {
    with_range(registered);
    registered->UseManualTime()->Iterations(9);
}

BENCHMARK(echo_1)->Apply(compared);
BENCHMARK(echo_64)->Apply(compared);

} // namespace
} // namespace moor::bench
