// What is measured: the jobs (bench/comparison/peers/support/jobs.hpp) with their numbers, in the order of the report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moor::bench::compare {

/// One row of the report, out of a job's answer.
struct figure {
    std::string id;
    std::string title;
    std::string unit;
    std::string key; ///< its name in the answer; empty: the time per item
};

struct job {
    std::string group;
    std::string request; ///< the job's name and its numbers, without items
    std::string per;     ///< what an item is
    std::vector<figure> figures;
    std::uint64_t items = 0;    ///< fixed; 0: as many as take a run's time
    std::uint64_t least = 1;    ///< items of a run; fewer would not bring it to its steady state
    bool takes_items = true;    ///< whether the request has items at all
    bool fresh_process = false; ///< one process for each run, and never two at once
    bool counts_calls = false;  ///< whether system calls are counted in one more run
    unsigned most_rounds = ~0U;
};

/// All jobs for peers with that many threads.
[[nodiscard]] std::vector<job> catalogue(unsigned threads);

/// The line to ask for so many items.
[[nodiscard]] std::string request_line(const job& asked, std::uint64_t items);

} // namespace moor::bench::compare
