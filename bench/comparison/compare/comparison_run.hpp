// The method of the comparison: how one job is measured with all peers.
//
// The processes of all peers run during a job, each waiting for its next request, which takes no processor. Each peer
// first gets trial runs, by which the number of items is chosen. Then come rounds: in each, every peer does the job
// once, in a new random order, so that a disturbance of the machine meets them all alike, and each round has a ratio of
// its own. At last come the runs in which system calls are counted, which count for no time.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "compare/call_counter.hpp"
#include "compare/catalogue.hpp"
#include "compare/options.hpp"
#include "compare/record.hpp"

namespace moor::bench::compare {

class comparison_run {
public:
    /// `say` is given lines about the progress.
    comparison_run(const options& chosen, std::vector<listed_peer> peers, std::function<void(const std::string&)> say);

    /// Starts each peer once, to ask what it is. Peers that cannot be started are left out, and said so.
    [[nodiscard]] std::vector<peer_record> introduce();
    /// A row for each figure of the job.
    [[nodiscard]] std::vector<row_record> measure(const job& measured);

private:
    struct contestant;
    struct counted_run {
        double items;
        call_counts calls;
    };

    void prepare(contestant& one, const job& measured);
    void run_once(contestant& one, const job& measured);
    void count_calls(contestant& one, const job& measured);
    [[nodiscard]] counted_run count_run(contestant& one, const job& measured, const call_counter& counter,
                                        std::uint64_t items);
    [[nodiscard]] static std::map<std::string, double> calls_per_item(const counted_run& few, const counted_run& many);
    [[nodiscard]] std::vector<row_record> rows_of(const job& measured, const std::vector<contestant>& all) const;

    options options_;
    std::vector<listed_peer> peers_;
    std::function<void(const std::string&)> say_;
    std::mt19937_64 random_;
};

} // namespace moor::bench::compare
