// See catalogue.hpp.
#include "compare/catalogue.hpp"

#include <fmt/format.h>

namespace moor::bench::compare {
namespace {

job timed(std::string group, std::string id, std::string title, std::string per, std::string request) {
    job made;
    made.group = std::move(group);
    made.request = std::move(request);
    made.per = std::move(per);
    made.figures = {{std::move(id), std::move(title), "ns", ""}};
    return made;
}

job io(std::string id, std::string title, std::string per, std::string request) {
    job made = timed("I/O", std::move(id), std::move(title), std::move(per), std::move(request));
    made.counts_calls = true;
    return made;
}

job echo(unsigned connections, unsigned size, unsigned in_flight) {
    job made = io(fmt::format("echo_{}_{}_{}", connections, size, in_flight),
                  fmt::format("TCP echo, {} connection{}, {} bytes{}", connections, connections == 1 ? "" : "s", size,
                              in_flight == 1 ? "" : fmt::format(", {} in flight", in_flight)),
                  "message", fmt::format("echo connections={} size={} in_flight={}", connections, size, in_flight));
    made.group = in_flight == 1 ? "TCP echo, request and response" : "TCP echo, pipelined";
    // Each connection has a turn often enough, and more to send than what it may send at once.
    made.least = std::uint64_t{connections} * (in_flight == 1 ? 8 : 2 * in_flight);
    return made;
}

job park(unsigned coroutines, std::string_view text) {
    job made;
    made.group = "Memory";
    made.request = fmt::format("park coroutines={}", coroutines);
    made.per = "coroutine";
    made.figures = {
        {fmt::format("park_{}", coroutines), fmt::format("waiting coroutine, of {}", text), "bytes", "bytes_each"}};
    made.items = coroutines;
    made.takes_items = false;
    made.fresh_process = true;
    made.most_rounds = 3;
    return made;
}

job recursion(unsigned frames, std::string_view text) {
    return timed("Recursion", fmt::format("recursion_{}", frames), fmt::format("coroutine {} frames deep", text),
                 "coroutine", fmt::format("descend frames={}", frames));
}

job channel(unsigned capacity, unsigned each) {
    return timed("Synchronisation", fmt::format("channel_{}_{}", capacity, each),
                 fmt::format("{}, {} to {}",
                             capacity == 0 ? "unbuffered channel" : fmt::format("channel of {}", capacity), each, each),
                 "number", fmt::format("channel capacity={} senders={} receivers={}", capacity, each, each));
}

} // namespace

std::vector<job> catalogue(unsigned threads) {
    std::vector<job> jobs{
        timed("Switching and starting", "yield", "yield", "switch", "yield"),
        timed("Switching and starting", "ring", "token in a ring of 1,000", "hand-over", "ring coroutines=1000"),
        timed("Switching and starting", "spawn", "start and await", "coroutine", "spawn"),
        timed("Switching and starting", "fan_out", "start 10,000 and await all", "coroutine",
              "fan_out coroutines=10000"),
        channel(0, 1),
        channel(64, 1),
        channel(0, 8),
        channel(64, 8),
        timed("Synchronisation", "mutex", "contended mutex, 16 coroutines", "hand-over", "mutex coroutines=16"),
    };
    job timers = timed("Timers", "timers", "set and cancel, a million timers", "timer", "timers timers=1000000");
    timers.items = 1'000'000;
    timers.most_rounds = 3; // some take twenty seconds
    jobs.push_back(timers);

    jobs.push_back(park(100'000, "100,000"));
    jobs.push_back(park(1'000'000, "1,000,000"));
    job growth = timed("Recursion", "growth", "growth of a small stack to 100 frames", "coroutine", "grow frames=100");
    growth.items = 20'000; // a difference of two times, which a short run would drown in noise
    jobs.push_back(growth);
    jobs.push_back(recursion(100, "100"));
    jobs.push_back(recursion(1000, "1,000"));
    jobs.push_back(recursion(10'000, "10,000"));

    for (const unsigned in_flight : {1U, 16U}) {
        for (const unsigned size : {64U, 16384U}) {
            for (const unsigned connections : {1U, 64U, 512U}) {
                jobs.push_back(echo(connections, size, in_flight));
            }
        }
    }
    job accept = io("accept", "accept, 64 clients at once", "connection", "accept clients=64");
    job connect = io("connect", "connect, a byte each way, close", "connection", "connect");
    accept.group = connect.group = "Connections";
    accept.least = 512; // eight of each client
    jobs.push_back(accept);
    jobs.push_back(connect);
    for (const unsigned clients : {1U, 16U}) {
        job udp = io(fmt::format("udp_{}", clients),
                     fmt::format("UDP echo, {} client{}, 64 bytes", clients, clients == 1 ? "" : "s"), "datagram",
                     fmt::format("udp_echo clients={} size=64", clients));
        udp.group = "UDP";
        jobs.push_back(udp);
    }

    job delay;
    delay.group = "Preemption";
    delay.request = fmt::format("timer_delay loops={}", threads);
    delay.figures = {
        {"timer_delay_median", "lateness of a 1 ms timer beside endless loops, median", "ms", "late_median_ms"},
        {"timer_delay_p99", "lateness of that timer, 99th percentile", "ms", "late_p99_ms"}};
    delay.items = 100;
    delay.most_rounds = 5;
    jobs.push_back(delay);
    return jobs;
}

std::string request_line(const job& asked, std::uint64_t items) {
    return asked.takes_items ? fmt::format("{} items={}", asked.request, items) : asked.request;
}

} // namespace moor::bench::compare
