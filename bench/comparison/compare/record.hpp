// What a comparison came to: written by the driver as JSON, read by the report (bench/comparison/report).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moor::bench::compare {

/// A peer as it describes itself.
struct peer_record {
    std::string id; ///< its name in the list of programs
    std::string name;
    std::string version;
    std::string settings;
};

/// What one peer came to in one row.
struct cell_record {
    std::string peer;            ///< its id
    std::vector<double> samples; ///< one of each round; empty when there is a reason
    std::uint64_t items = 0;     ///< of a run
    /// System calls per item, by name and "all" together, one of each count; only where they were counted.
    std::map<std::string, std::vector<double>> calls;
    std::string reason;  ///< why there are no samples
    bool failed = false; ///< it should have done it: the reason is an error
};

/// One figure of one job; in all of them less is better.
struct row_record {
    std::string id;
    std::string group; ///< rows of a group have one unit, and share a section and a plot
    std::string title;
    std::string unit; ///< ns, bytes or ms; what each sample is in
    std::string per;  ///< of what: "yield", "message"; empty when the title says it
    std::string request;
    bool counts_calls = false; ///< a job of I/O, whose system calls were counted
    std::vector<cell_record> cells;
};

/// One run of the driver.
struct comparison {
    unsigned threads = 1; ///< of each peer, and as many processors
    unsigned rounds = 0;
    std::uint64_t seed = 0;
    std::uint64_t milliseconds = 0;                           ///< that a run was to take
    std::vector<std::pair<std::string, std::string>> machine; ///< what and how, to be printed
    std::vector<peer_record> peers;
    std::vector<row_record> rows;
};

/// Throws std::runtime_error when the file cannot be written.
void write_comparison(const comparison& written, const std::filesystem::path& file);
/// Throws std::runtime_error when the file cannot be read or is no comparison.
[[nodiscard]] comparison read_comparison(const std::filesystem::path& file);

} // namespace moor::bench::compare
