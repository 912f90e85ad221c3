// The relay as a program: options, console, and the lines that a supervisor or a load generator reads.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <moor/endpoint.hpp>
#include <moor/runtime.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>

#include "command_line.hpp"
#include "line_writer.hpp"
#include "relay_server.hpp"
#include "stop_request.hpp"

namespace {

using namespace frame_relay;
using namespace std::chrono_literals;

constexpr std::string_view usage = R"(frame_relay: forwards frames between the clients that connect to it
  --listen ADDRESS:PORT   where to listen (127.0.0.1:7070); port 0 lets the system choose
  --max-frame BYTES       largest payload of a frame (65536)
  --queue FRAMES          frames that may wait for one client, the next is dropped (128)
  --keep-alive SECONDS    when to ping a client that is quiet; after three times that it is closed (30)
  --workers N             worker threads (0: one per processor)
  --stats SECONDS         how often to print counters (0: never)
  --log all|problems      which connections to log (all)
  --spinners N            coroutines that compute without end beside the relay (0); preemption keeps it going
  --stop-on-stdin-eof     stop at the end of the standard input, as on Ctrl-C
)";

struct settings {
    moor::endpoint listen;
    relay_options relay;
    log_level log = log_level::all;
    unsigned workers = 0;
    std::chrono::seconds statistics{};
    unsigned spinners = 0;
    bool stop_on_stdin_eof = false;
};

settings read_settings(command_line& line) {
    settings chosen;
    const std::string listen = line.take_text("--listen").value_or("127.0.0.1:7070");
    std::error_code malformed;
    chosen.listen = moor::endpoint::parse(listen, malformed);
    if (malformed) {
        throw usage_error(fmt::format("--listen wants ADDRESS:PORT, not '{}'", listen));
    }
    // Not below what a hello takes, not beyond what anybody could mean.
    chosen.relay.max_payload = static_cast<std::uint32_t>(
        line.take_number("--max-frame", chosen.relay.max_payload, {64, std::uint64_t{1} << 24}));
    chosen.relay.queue_frames = line.take_number("--queue", chosen.relay.queue_frames, {1, 1 << 20});
    chosen.relay.keep_alive = std::chrono::seconds(line.take_number("--keep-alive", 30, {1, 24 * 3600}));
    chosen.workers = static_cast<unsigned>(line.take_number("--workers", 0, {0, 1024}));
    chosen.statistics = std::chrono::seconds(line.take_number("--stats", 0, {0, 24 * 3600}));
    const std::string log = line.take_text("--log").value_or("all");
    if (log != "all" && log != "problems") {
        throw usage_error(fmt::format("--log wants all or problems, not '{}'", log));
    }
    chosen.log = log == "all" ? log_level::all : log_level::problems;
    chosen.spinners = static_cast<unsigned>(line.take_number("--spinners", 0, {0, 1024}));
    chosen.stop_on_stdin_eof = line.take_flag("--stop-on-stdin-eof");
    line.expect_end();
    return chosen;
}

void print_statistics(line_writer& output, const relay_server& server, const moor::runtime& runtime, unsigned accepts,
                      std::chrono::seconds interval, const std::stop_token& stop) {
    std::error_code stopped;
    while (!stopped) {
        const relay_counters counters = server.counters();
        output.write(fmt::format("clients={} operations={} accepts={} frames={} dropped={} unroutable={}",
                                 counters.clients, runtime.metrics().operations_in_use, accepts, counters.forwarded,
                                 counters.dropped, counters.unroutable));
        moor::this_coroutine::sleep_for(interval, stop, stopped);
    }
}

/// Never waits and never yields: without preemption it would keep its worker to itself.
void compute_until(const std::stop_token& stop) {
    volatile std::uint64_t number = 1; // the compiler must not find out that nobody wants it
    while (!stop.stop_requested()) {
        number = number * 6364136223846793005u + 1442695040888963407u;
    }
}

/// The listener's cancelled accepts come back shortly after it was closed.
std::uint64_t operations_at_the_end(const moor::runtime& runtime) {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (runtime.metrics().operations_in_use > 0 && std::chrono::steady_clock::now() < give_up) {
        moor::this_coroutine::sleep_for(10ms);
    }
    return runtime.metrics().operations_in_use;
}

void run_relay(const settings& chosen) {
    stop_on_console_event();
    if (chosen.stop_on_stdin_eof) {
        stop_on_end_of_input();
    }
    const std::stop_token stop = stop_of_program();
    line_writer output(standard_output());
    line_writer log(standard_error());
    relay_server server(chosen.relay, chosen.log, [&log](std::string_view line) { log.write(line); });

    moor::runtime runtime({.workers = chosen.workers});
    runtime.run([&] {
        const moor::work_guard by_stop_request;
        const moor::listen_options listening;
        auto listener = moor::tcp_listener::bind(chosen.listen, listening);
        output.write(fmt::format("listening on {}", listener.local_endpoint().to_string()));

        moor::join_handle<void> statistics;
        if (chosen.statistics > 0s) {
            statistics = moor::spawn({.name = "statistics"}, print_statistics, std::ref(output), std::cref(server),
                                     std::cref(runtime), listening.outstanding_accepts, chosen.statistics, stop);
        }
        std::vector<moor::join_handle<void>> spinners;
        for (unsigned each = 0; each < chosen.spinners; ++each) {
            spinners.push_back(moor::spawn({.name = "spinner", .preemptible = true}, compute_until, stop));
        }
        server.serve(std::move(listener), stop);
        for (auto& each : spinners) {
            each.join();
        }
        if (statistics.joinable()) {
            statistics.join();
        }
        const relay_counters counters = server.counters();
        output.write(fmt::format("stopped: clients={} frames={} dropped={} unroutable={} stack moves={} preemptions={} "
                                 "operations in use: {}",
                                 counters.clients, counters.forwarded, counters.dropped, counters.unroutable,
                                 runtime.metrics().stack_copies, runtime.metrics().preemptions,
                                 operations_at_the_end(runtime)));
    });
}

} // namespace

int main(int argc, char** argv) {
    try {
        command_line line(argc, argv);
        if (line.take_flag("--help")) {
            fmt::print("{}", usage);
            return 0;
        }
        run_relay(read_settings(line));
        return 0;
    } catch (const usage_error& error) {
        fmt::print(stderr, "frame_relay: {}\n{}", error.what(), usage);
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "frame_relay: {}\n", error.what());
        return 1;
    }
}
