#include "load/started_server.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace frame_relay {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view greeting = "listening on ";

/// The number after `name=` in a line of counters.
std::optional<std::uint64_t> counter(std::string_view line, std::string_view name) {
    const std::size_t found = line.find(fmt::format("{}=", name));
    if (found == std::string_view::npos) {
        return std::nullopt;
    }
    return std::stoull(std::string(line.substr(found + name.size() + 1)));
}

} // namespace

started_server::started_server(const std::string& program, unsigned spinners, report_sink report)
    : report_(std::move(report)),
      process_(program, {"--listen", "127.0.0.1:0", "--stats", "1", "--log", "problems", "--spinners",
                         fmt::format("{}", spinners), "--stop-on-stdin-eof"}) {
    const std::optional<std::string> line = process_.next_line(30s);
    if (!line || !line->starts_with(greeting)) {
        throw std::runtime_error(fmt::format("'{}' does not say where it listens", program));
    }
    address_ = moor::endpoint::parse(std::string_view(*line).substr(greeting.size()));
}

bool started_server::has_let_go_of_everything() {
    // The connections that ended last are still on their way out when the clients are done.
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    std::string last = "nothing";
    while (std::chrono::steady_clock::now() < give_up) {
        std::optional<std::string> line = process_.next_line(30s);
        if (!line) {
            break;
        }
        last = std::move(*line);
        const auto operations = counter(last, "operations");
        if (counter(last, "clients") == 0u && operations && operations == counter(last, "accepts") &&
            counter(last, "frames").value_or(0) > 0) {
            report_(fmt::format("relay at rest: {}", last));
            return true;
        }
    }
    report_(fmt::format("the relay did not come to rest; it said last: {}", last));
    return false;
}

bool started_server::stops_cleanly() {
    const std::optional<std::uint32_t> status = process_.stop(60s);
    std::string last;
    while (auto line = process_.next_line(10s)) {
        last = std::move(*line);
    }
    report_(fmt::format("relay ended: {}", last));
    if (!status) {
        report_("the relay did not stop in time");
    } else if (*status != 0) {
        report_(fmt::format("the relay ended with status {}", *status));
    }
    return status == 0u && last.ends_with("operations in use: 0");
}

} // namespace frame_relay
