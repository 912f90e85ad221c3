// See round_parts.hpp.
#include "soak/round_parts.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <thread>
#include <tuple>
#include <vector>

#include <moor/channel.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>

#include "sched/random_lives.hpp"
#include "soak/echo.hpp"
#include "soak/primitives.hpp"
#include "support/simulated_streams.hpp"
#include "torture/load.hpp"

namespace moor::test {
namespace {

// ---- Under the adversary -----------------------------------------------------------------------------------------

// Its sockets live as long as it does: it knows them by their values, which the system would give to others.
struct opponent {
    explicit opponent(const soak_round& round, std::minstd_rand random)
        : system(round.seed(), {.at_once = static_cast<double>(random() % 80) / 100,
                                .whole = static_cast<double>(random() % 100) / 100,
                                .patience = static_cast<double>(random() % 90) / 100,
                                .skip_packets = random() % 2 == 0}) {
        for (simulated_pair& each : pairs) {
            each = make_simulated_pair(system);
        }
    }

    adversary system;
    std::array<simulated_pair, 3> pairs;
};

void run_simulated(soak_round& round, opponent& against) {
    std::array<std::atomic<std::uint64_t>, std::tuple_size_v<decltype(opponent::pairs)>> written{};
    std::vector<join_handle<void>> all;
    for (std::uint32_t number = 0; number != written.size(); ++number) {
        simulated_pair& own = against.pairs[number];
        all.push_back(spawn_watched(round.found, round.options("simulated writer"), [&, number] {
            const stream_progress sent = write_in_pieces(*own.first, number, round.seed() + number,
                                                         [&round](std::uint64_t) { return !round.over(); });
            if (sent.fault != nullptr) {
                round.found.add(sent.fault, sent.error.value());
            }
            written[number] = sent.bytes;
            against.system.end_stream(own.first_socket);
        }));
        all.push_back(spawn_watched(round.found, round.options("simulated reader"), [&, number] {
            const stream_progress read = read_in_pieces(*own.second, number, round.seed() + number,
                                                        [&round](std::uint64_t) { round.found.step(); });
            if (read.fault != nullptr) {
                round.found.add(read.fault, read.error.value());
            }
            round.found.expect(read.bytes == written[number], "bytes of a simulated stream were lost");
            round.done.simulated.fetch_add(read.bytes, std::memory_order_relaxed);
        }));
    }
    for (auto& each : all) {
        each.join();
    }
}

// ---- Other parts -------------------------------------------------------------------------------------------------

void run_relay(soak_round& round) {
    load_plan plan;
    plan.stack = round.stack;
    plan.sessions = 2;
    plan.datagram_pairs = 2;
    load_state state(round.end() - soak_round::clock::now(), soak_round::patience);
    run_sessions(plan, state);
    const load_result result = counted(state);
    round.found.expect(result.lost == 0, "the relay lost frames or datagrams", static_cast<int>(result.lost));
    round.found.expect(result.corrupted == 0, "the relay changed frames or datagrams");
    round.found.expect(result.late_writes == 0, "a late write to the relay's stacks");
    round.done.frames.fetch_add(result.frames, std::memory_order_relaxed);
    round.done.datagrams.fetch_add(result.datagrams, std::memory_order_relaxed);
    round.found.step();
}

void run_lives(soak_round& round) {
    random_lives lives(round.seed(), round.end(), round.stack);
    while (!round.over()) {
        const std::uint32_t number = lives.new_number();
        auto life = spawn(round.options("life"), [&lives, number] { return lives.live(2, number); });
        try {
            round.found.expect(life.join() == number && !random_lives::fails(number), "a life had another's result");
        } catch (const lost& error) {
            round.found.expect(error.number == number && random_lives::fails(number), "a life had another's failure");
        }
        round.found.step();
    }
    round.found.expect(lives.errors() == 0, "random lives", static_cast<int>(lives.errors()));
    round.done.lives.fetch_add(lives.lives(), std::memory_order_relaxed);
}

using part = void (*)(soak_round&);

void run_together(soak_round& round, std::span<const part> parts) {
    std::vector<join_handle<void>> all;
    for (const part each : parts) {
        all.push_back(spawn_watched(round.found, round.options("part of the round"), [&round, each] { each(round); }));
    }
    for (auto& each : all) {
        each.join();
    }
}

// ---- The runtime of the round ------------------------------------------------------------------------------------

constexpr std::array switches_of_the_brief{"",
                                           "force_move=1",
                                           "stack_poison_copy=1",
                                           "stack_no_cache=1,shrink_off=1",
                                           "stack_fault_on_free=1",
                                           "check_frames=1",
                                           "verify_copy=1",
                                           "async_preempt_off=1",
                                           "stack_guard=1"};

// What a shutdown has to end.
void leave_behind(runtime& brief) {
    brief.spawn([] { this_coroutine::sleep_for(std::chrono::hours(1)); }).detach();
    brief.spawn([] { static_cast<void>(channel<int>().receive(std::chrono::hours(1))); }).detach();
    brief
        .spawn([] {
            auto idle = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
            std::array<std::byte, 64> buffer;
            static_cast<void>(idle.receive_from(buffer));
        })
        .detach();
    brief
        .spawn([] {
            auto listener = tcp_listener::bind(endpoint::loopback(address_family::ipv4, 0));
            static_cast<void>(listener.accept());
        })
        .detach();
}

void run_brief_runtime(const soak_round& of) {
    std::minstd_rand random = of.random(40, 0);
    runtime_options options;
    options.workers = 1 + random() % 2;
    parse_debug_switches(switches_of_the_brief[random() % switches_of_the_brief.size()], options.debug);
    options.debug.preempt_storm = random() % 2 == 0;
    runtime brief(options);
    const auto now = soak_round::clock::now();
    soak_round round(of.seed() + 0x10000, now + (of.end() - now) / 2, of.stack, of.found, of.done);
    constexpr std::array<part, 5> parts{&run_echo, &run_datagram_echo, &run_channels, &run_locks, &run_groups};
    brief.run([&] { run_together(round, parts); });
    leave_behind(brief);
    if (random() % 2 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000)); // some of it has begun
    }
    brief.shutdown();
    const runtime_metrics left = brief.metrics();
    of.found.expect(left.operations_in_use == 0, "operations after a shutdown",
                    static_cast<int>(left.operations_in_use));
    of.found.expect(left.handles_open == 0, "open handles after a shutdown", static_cast<int>(left.handles_open));
    of.found.expect(left.coroutines_alive == 0, "coroutines after a shutdown", static_cast<int>(left.coroutines_alive));
    of.found.expect(left.packets_foreign == 0, "foreign packets in the round's runtime");
}

} // namespace

void run_round_parts(runtime& long_lived, soak_round& round) {
    std::optional<opponent> against;
    long_lived.run([&] { against.emplace(round, round.random(41, 0)); });
    std::thread brief([&round] { run_brief_runtime(round); });
    long_lived.run([&] {
        constexpr std::array<part, 7> parts{&run_relay,    &run_lives, &run_echo,  &run_datagram_echo,
                                            &run_channels, &run_locks, &run_groups};
        auto simulated = spawn_watched(round.found, {.name = "simulated"}, [&] { run_simulated(round, *against); });
        run_together(round, parts);
        simulated.join();
    });
    brief.join();
    long_lived.run([&] {
        round.found.expect(against->system.offences().empty(), "the adversary saw an offence");
        round.found.expect(against->system.pending() == 0, "a call of the adversary's did not end");
        against.reset();
    });
    round.found.expect(long_lived.metrics().packets_foreign == 0, "foreign packets");
}

} // namespace moor::test
