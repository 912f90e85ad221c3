// See load.hpp.
#include "torture/load.hpp"

#include <deque>
#include <vector>

#include <moor/runtime.hpp>
#include <moor/task_group.hpp>

#include "support/tcp_pair.hpp"
#include "torture/relay_session.hpp"

namespace moor::test {
namespace {

struct datagram_line {
    udp_socket sender = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    udp_socket receiver = udp_socket::bind(endpoint::loopback(address_family::ipv4, 0));
    endpoint to = receiver.local_endpoint();
    semaphore wanted{0};
};

constexpr std::size_t most_on_the_way = std::size_t{64} * 1024; // bytes, of each end

} // namespace

void run_sessions(const load_plan& plan, load_state& state) {
    std::vector<tcp_pair> connections;
    for (unsigned number = 0; number != plan.sessions; ++number) {
        connections.push_back(make_tcp_pair());
        for (tcp_stream* const end : {&connections.back().client, &connections.back().server}) {
            // Little is on the way when the load is over, and calls have to wait.
            end->set_send_buffer_size(most_on_the_way);
            end->set_receive_buffer_size(most_on_the_way);
        }
    }
    std::deque<datagram_line> lines(plan.datagram_pairs);
    task_group all;
    for (std::uint32_t number = 0; number != plan.sessions; ++number) {
        tcp_pair& own = connections[number];
        const std::uint32_t before = (number + plan.sessions - 1) % plan.sessions;
        tcp_pair& next = connections[(number + 1) % plan.sessions];
        all.spawn({.name = "session", .stack = plan.stack},
                  [&own, &next, &state] { serve_session(own.server, next.server, state); });
        all.spawn({.name = "client", .stack = plan.stack},
                  [&own, number, &state] { send_records(own.client, number, state); });
        all.spawn({.name = "client's reader", .stack = plan.stack},
                  [&own, before, &state] { receive_frames(own.client, before, state); });
    }
    for (std::uint32_t number = 0; number != plan.datagram_pairs; ++number) {
        datagram_line& line = lines[number];
        const std::uint32_t stream = 1000 + number;
        all.spawn({.name = "sender", .stack = plan.stack},
                  [&line, stream, &state] { send_datagrams(line.sender, line.to, line.wanted, stream, state); });
        all.spawn({.name = "receiver", .stack = plan.stack}, [&line, stream, variant = plan.variant, &state] {
            receive_datagrams(line.receiver, line.wanted, stream, variant, state);
        });
    }
    all.wait();
}

load_result counted(const load_state& state) {
    load_result result;
    result.records = state.records.load();
    result.frames = state.frames_received.load();
    result.datagrams = state.datagrams_received.load();
    result.lost = state.frames_sent.load() - result.frames + state.datagrams_sent.load() - result.datagrams;
    result.corrupted = state.corrupted.load();
    result.late_writes = state.found.late_writes.load();
    result.high_halves = state.found.high_halves.load();
    result.example = state.found.example.load();
    result.fewest_copies = state.session_copies.fewest();
    return result;
}

load_result run_load(const load_plan& plan, load_state& state) {
    runtime_options options;
    options.workers = plan.workers;
    options.debug = plan.switches;
    runtime running(options);
    state.seen_enough = [&] { return running.metrics().preemptions >= plan.preemptions; };
    running.run([&] { run_sessions(plan, state); });
    state.seen_enough = nullptr;
    const runtime_metrics seen = running.metrics();
    load_result result = counted(state);
    result.moves = seen.stack_copies;
    result.preemptions = seen.preemptions;
    result.operations = seen.packets_dequeued;
    result.operations_in_use = seen.operations_in_use;
    return result;
}

} // namespace moor::test
