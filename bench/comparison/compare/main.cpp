// Measures the peers of a list against each other and writes what came out as JSON; see comparison_run.hpp for the
// method, cmake/bench.cmake for how it is run, and bench/report for what is made of the JSON.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <regex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "compare/catalogue.hpp"
#include "compare/comparison_run.hpp"
#include "compare/machine.hpp"
#include "compare/options.hpp"
#include "compare/record.hpp"
#include "support/text_file.hpp"

namespace moor::bench::compare {
namespace {

void say(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

bool is_wanted(const job& offered, const std::regex& wanted) {
    return std::any_of(offered.figures.begin(), offered.figures.end(),
                       [&](const figure& one) { return std::regex_search(one.id, wanted); });
}

// What came out, on one line: the medians.
std::string summary(const row_record& row) {
    std::string line = fmt::format("{:<24}", row.id);
    for (const cell_record& cell : row.cells) {
        if (cell.samples.empty()) {
            line += fmt::format("  {}: {}{}", cell.peer, cell.failed ? "FAILED " : "", cell.reason);
            continue;
        }
        std::vector<double> sorted = cell.samples;
        std::sort(sorted.begin(), sorted.end());
        line += fmt::format("  {} {:.4g}", cell.peer, sorted[sorted.size() / 2]);
    }
    return line;
}

int run(const options& chosen) {
    const unsigned processors = pin(chosen.threads);
    comparison result;
    result.threads = chosen.threads;
    result.rounds = chosen.rounds;
    result.seed = chosen.seed;
    result.milliseconds = static_cast<std::uint64_t>(chosen.run_time.count());
    result.machine = describe_machine();
    result.machine.insert(result.machine.end(), chosen.machine.begin(), chosen.machine.end());
    say(fmt::format("{} thread(s) on {} processor(s), {} rounds, seed {}", chosen.threads, processors, chosen.rounds,
                    chosen.seed));

    comparison_run runs(chosen, parse_list(read_text(chosen.list), chosen.peers), &say);
    result.peers = runs.introduce();
    const std::regex wanted(chosen.jobs);
    for (const job& measured : catalogue(chosen.threads)) {
        if (!is_wanted(measured, wanted)) {
            continue;
        }
        for (row_record& row : runs.measure(measured)) {
            say(summary(row));
            result.rows.push_back(std::move(row));
        }
        write_comparison(result, chosen.out); // after each job: a run takes long, and may be stopped
    }
    if (result.rows.empty() || result.peers.empty()) {
        throw std::runtime_error("nothing was measured: no job or no peer matches");
    }
    return 0;
}

} // namespace
} // namespace moor::bench::compare

int main(int argc, char** argv) {
    using namespace moor::bench::compare;
    try {
        return run(parse_options({argv + 1, argv + argc}));
    } catch (const std::invalid_argument& error) {
        fmt::print(stderr, "compare: {}\n{}", error.what(), usage);
    } catch (const std::exception& error) {
        fmt::print(stderr, "compare: {}\n", error.what());
    }
    return 1;
}
