// See options.hpp.
#include "compare/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace moor::bench::compare {
namespace {

constexpr std::array<std::string_view, 11> known_peers{
    "moor",  "moor_movable", "asio_callbacks", "asio_awaitables", "asio_spawn", "fiber",
    "libuv", "fibers",       "threads",        "floor",           "go"};

std::uint64_t to_number(std::string_view name, std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) {
        throw std::invalid_argument(fmt::format("--{} takes a number above zero, not {}", name, text));
    }
    return number;
}

void take(options& into, std::string_view name, std::string_view value) {
    const auto number = [&] { return to_number(name, value); };
    if (name == "threads") {
        into.threads = static_cast<unsigned>(number());
    } else if (name == "rounds") {
        into.rounds = static_cast<unsigned>(number());
    } else if (name == "milliseconds") {
        into.run_time = std::chrono::milliseconds(number());
    } else if (name == "longest-seconds") {
        into.longest = std::chrono::seconds(number());
    } else if (name == "seed") {
        into.seed = number();
    } else if (name == "jobs") {
        into.jobs = value;
    } else if (name == "peers") {
        into.peers = value;
    } else if (name == "out") {
        into.out = value;
    } else if (name == "machine") {
        const std::size_t sign = value.find('=');
        if (sign == std::string_view::npos) {
            throw std::invalid_argument("--machine takes WHAT=TEXT");
        }
        into.machine.emplace_back(value.substr(0, sign), value.substr(sign + 1));
    } else {
        throw std::invalid_argument(fmt::format("there is no option --{}", name));
    }
}

} // namespace

options parse_options(const std::vector<std::string_view>& arguments) {
    options result;
    for (std::string_view argument : arguments) {
        if (!argument.starts_with("--")) {
            if (!result.list.empty()) {
                throw std::invalid_argument("there is one list of peers only");
            }
            result.list = argument;
            continue;
        }
        argument.remove_prefix(2);
        const std::size_t sign = argument.find('=');
        if (sign == std::string_view::npos) {
            throw std::invalid_argument(fmt::format("--{} takes a value: --{}=...", argument, argument));
        }
        take(result, argument.substr(0, sign), argument.substr(sign + 1));
    }
    if (result.list.empty()) {
        throw std::invalid_argument("the list of peers is missing");
    }
    return result;
}

std::vector<listed_peer> parse_list(std::string_view text, const std::string& wanted) {
    const std::regex pattern(wanted);
    std::vector<listed_peer> result;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.empty()) {
            continue;
        }
        const std::size_t sign = line.find('=');
        if (sign == std::string_view::npos) {
            throw std::invalid_argument(fmt::format("not NAME=PROGRAM: {}", line));
        }
        std::string id(line.substr(0, sign));
        if (std::regex_match(id, pattern)) {
            result.push_back({std::move(id), line.substr(sign + 1)});
        }
    }
    const auto place = [](const listed_peer& peer) {
        return std::pair(std::find(known_peers.begin(), known_peers.end(), peer.id), std::string_view(peer.id));
    };
    std::sort(result.begin(), result.end(),
              [place](const listed_peer& left, const listed_peer& right) { return place(left) < place(right); });
    return result;
}

} // namespace moor::bench::compare
