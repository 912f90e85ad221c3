// relay_load as a program: runs the load against a relay, its own or somebody else's, and sums up in one line.
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <moor/runtime.hpp>

#include "command_line.hpp"
#include "line_writer.hpp"
#include "load/load_run.hpp"
#include "load/message.hpp"
#include "load/started_server.hpp"

namespace {

using namespace frame_relay;

constexpr std::string_view usage = R"(relay_load: many clients against a frame relay, every frame verified
  --server ADDRESS:PORT   a relay that runs already
  --start-server PROGRAM  starts this frame_relay, checks it, and stops it at the end
  --spinners N            coroutines that compute without end in the relay that it starts (0)
  --clients N             connections, all open at once (50)
  --seconds S             how long to send (10)
  --seed N                of all messages (1)
  --payload LEAST-MOST    bytes of a message (64-1400)
  --window N              messages on their way per pair of clients (8); the relay's queue must hold 8 times that
  --chaos                 hostile clients beside the others
  --workers N             worker threads (0: one per processor)
)";

struct settings {
    load_settings load;
    std::string program;
    unsigned spinners = 0;
    unsigned workers = 0;
};

settings read_settings(command_line& line) {
    settings chosen;
    const std::optional<std::string> server = line.take_text("--server");
    chosen.program = line.take_text("--start-server").value_or("");
    if (server.has_value() == !chosen.program.empty()) {
        throw usage_error("one of --server and --start-server is needed");
    }
    chosen.spinners = static_cast<unsigned>(line.take_number("--spinners", 0, {0, 1024}));
    if (server && chosen.spinners != 0) {
        throw usage_error("--spinners wants --start-server");
    }
    if (server) {
        std::error_code malformed;
        chosen.load.server = moor::endpoint::parse(*server, malformed);
        if (malformed) {
            throw usage_error(fmt::format("--server wants ADDRESS:PORT, not '{}'", *server));
        }
    }
    chosen.load.clients = static_cast<std::uint32_t>(line.take_number("--clients", chosen.load.clients, {1, 20'000}));
    chosen.load.duration = std::chrono::seconds(line.take_number("--seconds", 10, {1, 24 * 3600}));
    chosen.load.seed = line.take_number("--seed", chosen.load.seed, {0, UINT64_MAX});
    const number_range payload = line.take_range("--payload", {chosen.load.least_payload, chosen.load.most_payload},
                                                 {message_head_size, default_max_payload - key_size});
    chosen.load.least_payload = payload.least;
    chosen.load.most_payload = payload.most;
    chosen.load.window = static_cast<unsigned>(line.take_number("--window", chosen.load.window, {1, 1000}));
    chosen.load.chaos = line.take_flag("--chaos");
    chosen.workers = static_cast<unsigned>(line.take_number("--workers", 0, {0, 1024}));
    line.expect_end();
    return chosen;
}

bool run(settings chosen) {
    line_writer errors(standard_error());
    const auto report = [&errors](std::string_view line) { errors.write(line); };
    std::optional<started_server> server;
    if (!chosen.program.empty()) {
        server.emplace(chosen.program, chosen.spinners, report);
        chosen.load.server = server->address();
    }
    moor::runtime runtime({.workers = chosen.workers});
    const load_result result = runtime.run([&] { return run_load(chosen.load, report); });
    bool good = result.good();
    if (server) {
        good = server->has_let_go_of_everything() && good;
        good = server->stops_cleanly() && good;
    }
    fmt::print("{}\n", result.to_string());
    return good;
}

} // namespace

int main(int argc, char** argv) {
    try {
        command_line line(argc, argv);
        if (line.take_flag("--help")) {
            fmt::print("{}", usage);
            return 0;
        }
        return run(read_settings(line)) ? 0 : 1;
    } catch (const usage_error& error) {
        fmt::print(stderr, "relay_load: {}\n{}", error.what(), usage);
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "relay_load: {}\n", error.what());
        return 1;
    }
}
