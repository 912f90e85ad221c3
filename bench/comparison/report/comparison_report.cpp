// See comparison_report.hpp.
#include "report/comparison_report.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "report/bar_plot.hpp"
#include "report/number_text.hpp"
#include "report/statistics.hpp"

namespace moor::bench::report {

using compare::cell_record;
using compare::comparison;
using compare::row_record;

namespace {

const cell_record* find_cell(const row_record& row, std::string_view peer) {
    const auto found =
        std::find_if(row.cells.begin(), row.cells.end(), [&](const cell_record& cell) { return cell.peer == peer; });
    return found == row.cells.end() || found->samples.empty() ? nullptr : &*found;
}

bool is_moor(std::string_view peer) { return peer == "moor" || peer == "moor_movable"; }

std::optional<spread> ratio_of(const cell_record& cell, const cell_record* base) {
    if (base == nullptr || cell.samples.empty()) {
        return std::nullopt;
    }
    const std::vector<double> all = ratios(cell.samples, base->samples);
    return all.empty() ? std::nullopt : std::optional(spread_of(all));
}

std::string name_of(const comparison& run, std::string_view peer) {
    const auto found =
        std::find_if(run.peers.begin(), run.peers.end(), [&](const auto& one) { return one.id == peer; });
    return found == run.peers.end() || found->name.empty() ? std::string(peer) : found->name;
}

std::string processors_text(const comparison& run) {
    return run.threads == 1 ? "one processor" : fmt::format("{} processors", run.threads);
}

// A text in a cell of a Markdown table.
std::string in_table(std::string text) {
    std::replace(text.begin(), text.end(), '|', '/');
    return text;
}

std::string slug(std::string_view title) {
    std::string result;
    for (const char letter : title) {
        const auto code = static_cast<unsigned char>(letter);
        if (std::isalnum(code) != 0) {
            result += static_cast<char>(std::tolower(code));
        } else if (!result.empty() && result.back() != '-') {
            result += '-';
        }
    }
    return result;
}

std::string head(const comparison& run) {
    std::string text = "## What was measured\n\n| | |\n| --- | --- |\n";
    for (const auto& [what, how] : run.machine) {
        text += fmt::format("| {} | {} |\n", what, in_table(how));
    }
    text += fmt::format("| rounds | {}, each run of about {} ms; order by seed {} |\n\n", run.rounds, run.milliseconds,
                        run.seed);
    text += "| peer | version | how it is used |\n| --- | --- | --- |\n";
    for (const auto& peer : run.peers) {
        text += fmt::format("| {} | {} | {} |\n", in_table(peer.name), in_table(peer.version), in_table(peer.settings));
    }
    return text + "\n";
}

// The system calls of an item: all, and those that make up most of them.
std::string calls_text(const cell_record& cell) {
    const auto all = cell.calls.find("all");
    if (all == cell.calls.end()) {
        return {};
    }
    constexpr double worth_naming = 0.05;
    std::vector<std::pair<double, std::string>> named;
    for (const auto& [name, counts] : cell.calls) {
        const double count = spread_of(counts).median;
        // The clock is not in the sum either; see comparison_run.cpp.
        if (name != "all" && name != "NtQueryPerformanceCounter" && count >= worth_naming) {
            named.emplace_back(count, name.substr(2)); // without Nt
        }
    }
    std::sort(named.rbegin(), named.rend());
    const spread sum = spread_of(all->second);
    std::string text =
        fmt::format("{}, {} … {}", number_text(sum.median), number_text(sum.least), number_text(sum.most));
    for (std::size_t index = 0; index < named.size(); ++index) {
        text += fmt::format("{}{} {}", index == 0 ? " (" : ", ", named[index].second, number_text(named[index].first));
    }
    return text + (named.empty() ? "" : ")");
}

std::string ratio_text(const std::optional<spread>& ratio) {
    return ratio ? fmt::format("{} ({} … {})", number_text(ratio->median), number_text(ratio->least),
                               number_text(ratio->most))
                 : std::string();
}

// Why peers have no figure: those with the same reason together.
std::string reasons(const comparison& run, const row_record& row) {
    std::vector<std::pair<std::string, std::string>> by_reason; // reason, names
    for (const cell_record& cell : row.cells) {
        if (!cell.samples.empty()) {
            continue;
        }
        const std::string reason = (cell.failed ? "**failed**: " : "") + cell.reason;
        const auto found =
            std::find_if(by_reason.begin(), by_reason.end(), [&](const auto& one) { return one.first == reason; });
        if (found == by_reason.end()) {
            by_reason.emplace_back(reason, name_of(run, cell.peer));
        } else {
            found->second += ", " + name_of(run, cell.peer);
        }
    }
    std::string text;
    for (const auto& [reason, names] : by_reason) {
        text += fmt::format("{}{} ({})", text.empty() ? "No figure: " : "; ", names, reason);
    }
    return text.empty() ? text : text + ".\n\n";
}

std::string table_of(const comparison& run, const row_record& row) {
    const cell_record* const base = base_of(row);
    const cell_record* const floor = find_cell(row, "floor");
    std::string text =
        fmt::format("### {}\n\n| peer | median{} | min … max | ratio to {} |", row.title,
                    row.per.empty() ? "" : " per " + row.per, base == nullptr ? "moor" : name_of(run, base->peer));
    std::string line = "\n| --- | ---: | ---: | ---: |";
    if (floor != nullptr) {
        text += " ratio to floor |";
        line += " ---: |";
    }
    if (row.counts_calls) {
        text += fmt::format(" system calls per {} |", row.per);
        line += " --- |";
    }
    text += line + "\n";
    for (const cell_record& cell : row.cells) {
        if (cell.samples.empty()) {
            continue;
        }
        const spread shown = spread_of(cell.samples);
        text += fmt::format("| {} | {} | {} | {} |", in_table(name_of(run, cell.peer)),
                            quantity_text(shown.median, row.unit), range_text(shown, row.unit),
                            &cell == base ? "1" : ratio_text(ratio_of(cell, base)));
        if (floor != nullptr) {
            text += fmt::format(" {} |", &cell == floor ? "1" : ratio_text(ratio_of(cell, floor)));
        }
        if (row.counts_calls) {
            text += fmt::format(" {} |", calls_text(cell));
        }
        text += "\n";
    }
    return text + "\n" + reasons(run, row);
}

// How moor stands: one line with the sum, and one for each row where somebody is ahead.
std::string standings(const comparison& run) {
    unsigned counted = 0;
    unsigned led = 0;
    unsigned led_clearly = 0;
    std::string behind;
    for (const row_record& row : run.rows) {
        const standing how = standing_of(row);
        if (!how.counts) {
            continue;
        }
        ++counted;
        if (how.leads) {
            ++led;
            led_clearly += how.clear ? 1 : 0;
        } else {
            behind += fmt::format("- {}: {} takes {} of moor's{}\n", row.title, name_of(run, how.ahead),
                                  number_text(how.ratio), how.clear ? "" : ", within the spread");
        }
    }
    std::string text =
        fmt::format("moor leads in {} of {} rows in which somebody else has a figure, in {} of them beyond the spread",
                    led, counted, led_clearly);
    return text + (behind.empty() ? ".\n\n" : "; it does not in these:\n\n" + behind + "\n");
}

std::string summary(const comparison& run) {
    std::string text = "| |";
    std::string line = "\n| --- |";
    for (const auto& peer : run.peers) {
        text += fmt::format(" {} |", in_table(peer.name));
        line += " ---: |";
    }
    text += line + "\n";
    for (const row_record& row : run.rows) {
        const cell_record* const base = base_of(row);
        text += fmt::format("| {} |", row.title);
        for (const auto& peer : run.peers) {
            const cell_record* const cell = find_cell(row, peer.id);
            if (cell == nullptr) {
                text += " |";
            } else if (cell == base) {
                text += " **1** |";
            } else if (const auto ratio = ratio_of(*cell, base)) {
                text += fmt::format(" {}<br><sub>{}…{}</sub> |", number_text(ratio->median), number_text(ratio->least),
                                    number_text(ratio->most));
            } else {
                text += " |";
            }
        }
        text += "\n";
    }
    return text + "\n";
}

panel panel_of(const comparison& run, const row_record& row) {
    panel shown{row.title + (row.per.empty() ? "" : ", per " + row.per), row.unit, {}};
    for (const cell_record& cell : row.cells) {
        if (!cell.samples.empty()) {
            shown.bars.push_back({name_of(run, cell.peer), spread_of(cell.samples), is_moor(cell.peer)});
        }
    }
    return shown;
}

std::vector<std::string> groups_of(const comparison& run) {
    std::vector<std::string> groups;
    for (const row_record& row : run.rows) {
        if (std::find(groups.begin(), groups.end(), row.group) == groups.end()) {
            groups.push_back(row.group);
        }
    }
    return groups;
}

std::string plot_of(const comparison& run, std::string_view group, const std::string& folder) {
    return fmt::format("{}/{}-{}.svg", folder, slug(group), run.threads);
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : std::string(between)) + part;
    }
    return text;
}

// One row of the page: the figure of moor and who of the others is nearest to it, or ahead.
std::string page_row(const comparison& run, const row_record& row, const standing& how) {
    const cell_record& base = *base_of(row);
    const cell_record& other = *find_cell(row, how.ahead);
    return fmt::format("| {} | {} | {} | {} | {} |\n", row.title,
                       quantity_text(spread_of(base.samples).median, row.unit), in_table(name_of(run, other.peer)),
                       quantity_text(spread_of(other.samples).median, row.unit), ratio_text(ratio_of(other, &base)));
}

// Where moor is ahead, level and behind.
std::string places(const comparison& run) {
    std::string ahead;
    std::string behind;
    std::vector<std::string> level;
    for (const row_record& row : run.rows) {
        const standing how = standing_of(row);
        if (!how.counts) {
            continue;
        }
        if (!how.clear) {
            level.push_back(row.title);
        } else {
            (how.leads ? ahead : behind) += page_row(run, row, how);
        }
    }
    constexpr const char* line = " | | ratio |\n| --- | ---: | --- | ---: | ---: |\n";
    std::string text;
    if (!ahead.empty()) {
        text += std::string("| moor is ahead | moor | the next") + line + ahead + "\n";
    }
    if (!level.empty()) {
        text += "Level within the spread: " + joined(level, "; ") + ".\n\n";
    }
    if (!behind.empty()) {
        text += std::string("| moor is behind | moor | the first") + line + behind + "\n";
    }
    return text;
}

// Who leads in how many rows, in one sentence.
std::string count_text(const comparison& run) {
    std::array<unsigned, 3> counts{}; // ahead, level, behind
    unsigned counted = 0;
    for (const row_record& row : run.rows) {
        if (const standing how = standing_of(row); how.counts) {
            ++counted;
            ++counts[!how.clear ? 1 : how.leads ? 0 : 2];
        }
    }
    return fmt::format(
        "On {}, of {} rows in which somebody else has a figure, moor is ahead of all in {}, level with the "
        "best within the spread in {}, and behind in {}.\n",
        processors_text(run), counted, counts[0], counts[1], counts[2]);
}

std::string machine_text(const comparison& run) {
    std::vector<std::string> facts;
    for (const auto& [what, how] : run.machine) {
        facts.push_back(what + ": " + how);
    }
    std::vector<std::string> peers;
    for (const auto& peer : run.peers) {
        peers.push_back(fmt::format("{} ({})", peer.name, peer.version));
    }
    return fmt::format("{}; {} rounds.\n\nMeasured: {}.\n\n", joined(facts, "; "), run.rounds, joined(peers, "; "));
}

// The page: a text of people with the results in it.
std::string page(const std::string& text, const std::vector<comparison>& comparisons, const report_files& plots,
                 const std::string& folder) {
    const std::size_t place = text.find(results_mark);
    if (place == std::string::npos) {
        throw std::runtime_error("the text of the page does not say where the results come");
    }
    std::string results;
    if (!comparisons.empty()) {
        const comparison& run = comparisons.front();
        results += machine_text(run) + count_text(run);
        std::for_each(comparisons.begin() + 1, comparisons.end(),
                      [&](const auto& more) { results += count_text(more); });
        results += "\n" + places(run);
        // The groups that say most of a runtime.
        for (const std::string_view group : {"Switching and starting", "Memory", "TCP echo, request and response"}) {
            const std::string plot = plot_of(run, group, folder);
            if (plots.contains(plot)) {
                results += fmt::format("![{}, {}]({})\n\n", group, processors_text(run), plot);
            }
        }
        results.pop_back();
    }
    std::string whole = text;
    return whole.replace(place, results_mark.size(), results);
}

} // namespace

const cell_record* base_of(const row_record& row) {
    const cell_record* const reserved = find_cell(row, "moor");
    const cell_record* const movable = find_cell(row, "moor_movable");
    const bool suits_movable = row.group == "Memory" || row.group == "Recursion";
    return movable != nullptr && (suits_movable || reserved == nullptr) ? movable : reserved;
}

standing standing_of(const row_record& row) {
    const cell_record* const base = base_of(row);
    standing how;
    for (const cell_record& cell : row.cells) {
        if (is_moor(cell.peer) || cell.peer == "floor") {
            continue;
        }
        const auto ratio = ratio_of(cell, base);
        if (ratio && (!how.counts || ratio->median < how.ratio)) {
            how = {true, ratio->median >= 1, cell.peer, ratio->median, ratio->least > 1 || ratio->most < 1};
        }
    }
    return how;
}

report_files comparison_report(const introductions& texts, const std::vector<comparison>& comparisons,
                               const std::string& folder) {
    report_files files;
    std::string text = texts.tables + "\n";
    if (!comparisons.empty()) {
        text += head(comparisons.front());
    }
    for (const comparison& run : comparisons) {
        text += fmt::format("## Summary, {}\n\n", processors_text(run)) + standings(run) + summary(run);
    }
    for (const comparison& run : comparisons) {
        for (const std::string& group : groups_of(run)) {
            const std::string plot = plot_of(run, group, folder);
            std::vector<panel> panels;
            std::string tables;
            for (const row_record& row : run.rows) {
                if (row.group == group) {
                    panels.push_back(panel_of(run, row));
                    tables += table_of(run, row);
                }
            }
            text += fmt::format("## {}, {}\n\n", group, processors_text(run));
            if (std::any_of(panels.begin(), panels.end(), [](const panel& one) { return !one.bars.empty(); })) {
                files[plot] = bar_plot(panels);
                text += fmt::format("![{}, {}]({})\n\n", group, processors_text(run), plot);
            }
            text += tables;
        }
    }
    while (text.ends_with("\n\n")) {
        text.pop_back();
    }
    files["benchmarks_tables.md"] = text;
    files["benchmarks.md"] = page(texts.page, comparisons, files, folder);
    return files;
}

} // namespace moor::bench::report
