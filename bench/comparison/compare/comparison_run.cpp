// See comparison_run.hpp.
#include "compare/comparison_run.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "compare/answer.hpp"
#include "compare/calibration.hpp"
#include "compare/call_counter.hpp"
#include "compare/session.hpp"

namespace moor::bench::compare {
namespace {

/// The peer has said that it cannot do the job, or has failed to: there will be no figure.
class no_figure : public std::runtime_error {
public:
    no_figure(const std::string& reason, bool failed) : std::runtime_error(reason), failed_(failed) {}
    [[nodiscard]] bool failed() const noexcept { return failed_; }

private:
    bool failed_;
};

answer ask(session& peer, const std::string& line, std::chrono::milliseconds longest) {
    answer said = parse_answer(peer.ask(line, longest));
    if (said.said != answer::kind::ok) {
        throw no_figure(said.reason, said.said == answer::kind::failed);
    }
    return said;
}

// Windows answers it from memory that every process can read; only Wine enters the system for it. So it is in no sum.
constexpr std::string_view clock_call = "NtQueryPerformanceCounter";

double value_of(const answer& said, const figure& wanted) {
    constexpr double nanoseconds = 1e9;
    return wanted.key.empty() ? said.number("seconds") / said.number("items") * nanoseconds : said.number(wanted.key);
}

} // namespace

struct comparison_run::contestant {
    const listed_peer& peer;
    std::unique_ptr<session> process{};
    std::uint64_t items = 0;
    std::vector<std::vector<double>> samples{}; // of each figure
    std::map<std::string, std::vector<double>> calls{};
    std::string reason{};
    bool failed = false;

    [[nodiscard]] bool out() const noexcept { return !reason.empty(); }

    // Does something with the peer; whatever goes wrong puts it out of the job.
    template <class Action>
    void attempt(Action&& action) {
        if (out()) {
            return;
        }
        try {
            action();
            return;
        } catch (const no_figure& none) {
            failed = none.failed();
            reason = none.what();
        } catch (const std::exception& error) {
            failed = true;
            reason = error.what();
        }
        process.reset();
    }
};

comparison_run::comparison_run(const options& chosen, std::vector<listed_peer> peers,
                               std::function<void(const std::string&)> say)
    : options_(chosen), peers_(std::move(peers)), say_(std::move(say)), random_(chosen.seed) {}

std::vector<peer_record> comparison_run::introduce() {
    std::vector<peer_record> records;
    std::erase_if(peers_, [this, &records](const listed_peer& introduced) {
        try {
            session process(introduced.program, options_.threads);
            const answer said = ask(process, "about", options_.longest);
            const auto text = [&said](const char* name) {
                const auto found = said.values.find(name);
                return found == said.values.end() ? std::string() : found->second;
            };
            records.push_back({introduced.id, text("name"), text("version"), text("settings")});
            return false;
        } catch (const std::exception& error) {
            say_(fmt::format("{} is left out: {}", introduced.id, error.what()));
            return true;
        }
    });
    return records;
}

std::vector<row_record> comparison_run::measure(const job& measured) {
    std::vector<contestant> all;
    for (const listed_peer& peer : peers_) {
        all.push_back({peer});
        contestant& one = all.back();
        one.samples.resize(measured.figures.size());
        if (!measured.fresh_process) {
            one.attempt([&] { prepare(one, measured); });
        } else {
            one.items = measured.items;
        }
    }
    std::vector<contestant*> order;
    for (contestant& one : all) {
        order.push_back(&one);
    }
    for (unsigned round = 0; round < std::min(options_.rounds, measured.most_rounds); ++round) {
        std::shuffle(order.begin(), order.end(), random_);
        for (contestant* const one : order) {
            one->attempt([&] { run_once(*one, measured); });
        }
    }
    if (measured.counts_calls) {
        for (contestant& one : all) {
            if (!one.out()) {
                count_calls(one, measured);
            }
        }
    }
    return rows_of(measured, all);
}

// Starts the process and chooses the number of items.
void comparison_run::prepare(contestant& one, const job& measured) {
    one.process = std::make_unique<session>(one.peer.program, options_.threads);
    one.items = measured.items;
    if (one.items != 0) {
        return;
    }
    const double wanted = std::chrono::duration<double>(options_.run_time).count();
    for (calibration_step step{std::max(first_items, measured.least), false}; one.items == 0;) {
        const answer said = ask(*one.process, request_line(measured, step.items), options_.longest);
        // By what was really done: a batch may have been much more than what was asked for.
        const double share = static_cast<double>(step.items) / said.number("items");
        step = next_items(step.items, said.number("seconds") * std::min(share, 1.0), wanted);
        if (step.settled) {
            one.items = std::max(step.items, measured.least);
        }
    }
}

void comparison_run::run_once(contestant& one, const job& measured) {
    if (measured.fresh_process) {
        one.process = std::make_unique<session>(one.peer.program, options_.threads);
    }
    const answer said = ask(*one.process, request_line(measured, one.items), options_.longest);
    for (std::size_t index = 0; index < measured.figures.size(); ++index) {
        one.samples[index].push_back(value_of(said, measured.figures[index]));
    }
    if (said.values.contains("items")) {
        one.items = static_cast<std::uint64_t>(said.number("items"));
    }
    if (measured.fresh_process) {
        one.process.reset();
    }
}

// A run of so many items, and what it called.
comparison_run::counted_run comparison_run::count_run(contestant& one, const job& measured, const call_counter& counter,
                                                      std::uint64_t items) {
    const call_counts before = counter.read();
    const answer said = ask(*one.process, request_line(measured, items), 2 * options_.longest);
    return {said.number("items"), difference(before, counter.read())};
}

// Runs of which each other one does twice as much: what they do before and after the items cancels out in the
// difference of two neighbours. What goes wrong here only leaves the calls uncounted.
void comparison_run::count_calls(contestant& one, const job& measured) {
    constexpr unsigned counts = 3;
    try {
        const call_counter counter(one.process->process());
        counted_run before = count_run(one, measured, counter, one.items);
        const auto done = static_cast<std::uint64_t>(before.items); // which may have been a larger batch
        for (unsigned count = 0; count < counts; ++count) {
            const bool twice = count % 2 == 0;
            counted_run now = count_run(one, measured, counter, twice ? 2 * done : done);
            for (const auto& [name, each] : twice ? calls_per_item(before, now) : calls_per_item(now, before)) {
                std::vector<double>& all = one.calls[name];
                all.resize(count); // it may not have been among the earlier ones
                all.push_back(each);
            }
            before = std::move(now);
        }
        for (auto& [name, all] : one.calls) {
            all.resize(counts);
        }
    } catch (const std::exception& error) {
        one.calls.clear();
        one.process.reset();
        say_(fmt::format("{}: system calls were not counted: {}", one.peer.id, error.what()));
    }
}

std::map<std::string, double> comparison_run::calls_per_item(const counted_run& few, const counted_run& many) {
    const double more = many.items - few.items;
    if (more <= 0) {
        throw std::runtime_error("twice the items are no more");
    }
    std::map<std::string, double> calls{{"all", 0}};
    for (const auto& [name, count] : difference(few.calls, many.calls)) {
        const double each = static_cast<double>(count) / more;
        if (name != clock_call) {
            calls["all"] += each;
        }
        constexpr double worth_naming = 0.0005;
        if (each >= worth_naming) {
            calls[name] = each;
        }
    }
    return calls;
}

std::vector<row_record> comparison_run::rows_of(const job& measured, const std::vector<contestant>& all) const {
    std::vector<row_record> rows;
    for (std::size_t index = 0; index < measured.figures.size(); ++index) {
        const figure& shown = measured.figures[index];
        row_record row{shown.id,     measured.group,   shown.title,           shown.unit,
                       measured.per, measured.request, measured.counts_calls, {}};
        for (const contestant& one : all) {
            cell_record cell;
            cell.peer = one.peer.id;
            cell.items = one.items;
            cell.reason = one.reason;
            cell.failed = one.failed;
            if (!one.out()) {
                cell.samples = one.samples[index];
                cell.calls = one.calls;
            }
            row.cells.push_back(std::move(cell));
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace moor::bench::compare
