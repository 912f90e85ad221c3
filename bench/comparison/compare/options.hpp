// The command line of the driver.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moor::bench::compare {

struct options {
    std::filesystem::path list; ///< of peers: name=program file, one per line
    std::filesystem::path out = "comparison.json";
    unsigned threads = 1;
    unsigned rounds = 11;
    std::chrono::milliseconds run_time{100};
    std::chrono::milliseconds longest{120'000}; ///< that a peer may take for one answer
    std::uint64_t seed = 1;
    std::string jobs = ".*";  ///< a regular expression for ids of rows, part of one is enough
    std::string peers = ".*"; ///< for the whole id of a peer
    std::vector<std::pair<std::string, std::string>> machine; ///< what whoever starts it knows about the machine
};

inline constexpr std::string_view usage =
    "compare [--threads=1] [--rounds=11] [--milliseconds=100] [--longest-seconds=120] [--seed=1] [--jobs=REGEX]\n"
    "        [--peers=REGEX] [--out=comparison.json] [--machine=WHAT=TEXT]... LIST\n"
    "LIST has a line NAME=PROGRAM for each peer. Results are written to the file of --out.\n";

/// Throws std::invalid_argument, whose text says what is wrong.
[[nodiscard]] options parse_options(const std::vector<std::string_view>& arguments);

/// Peers of a list's text whose names match, in a fixed order: known ones as in the report, the others behind.
/// Throws std::invalid_argument for a line that is none.
struct listed_peer {
    std::string id;
    std::filesystem::path program;
};
[[nodiscard]] std::vector<listed_peer> parse_list(std::string_view text, const std::string& wanted);

} // namespace moor::bench::compare
