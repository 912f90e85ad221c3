// See own_report.hpp.
#include "report/own_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "report/bar_plot.hpp"
#include "report/number_text.hpp"

namespace moor::bench::report {
namespace {

std::string promise_text(const own_figure& figure) {
    switch (figure.promised) {
    case bound::at_most: return fmt::format("at most {:g}", figure.target);
    case bound::at_least: return fmt::format("at least {:g}", figure.target);
    default: return {};
    }
}

// The columns of a row behind its title.
struct columns {
    std::string promise;
    std::string median = "not measured";
    std::string range{};
    std::string jump{};
    std::string jumps{};
    std::string reached{};
};

columns columns_of(const own_row& row) {
    columns shown;
    shown.promise = promise_text(row.figure);
    if (!row.measured) {
        return shown;
    }
    shown.median = fmt::format("{} {}", number_text(row.measured->median), row.figure.unit);
    shown.range = fmt::format("{} .. {}", number_text(row.measured->least), number_text(row.measured->most));
    if (row.jump && row.jump->median > 0) {
        shown.jump = fmt::format("{} ns", number_text(row.jump->median));
        if (row.figure.unit == "ns") {
            shown.jumps = number_text(row.measured->median / row.jump->median);
        }
    }
    if (row.figure.promised != bound::none) {
        shown.reached = row.reached() ? "yes" : "NO";
    }
    return shown;
}

std::string text_line(std::string_view title, const columns& shown) {
    std::string line = fmt::format("{:<66}{:<15}{:>18}{:>20}{:>11}{:>10}  {}", title, shown.promise, shown.median,
                                   shown.range, shown.jump, shown.jumps, shown.reached);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

bool is_promise(const own_row& row) { return row.figure.promised != bound::none; }

} // namespace

bool own_row::reached() const {
    return measured && (figure.promised == bound::at_most    ? measured->median <= figure.target
                        : figure.promised == bound::at_least ? measured->median >= figure.target
                                                             : true);
}

std::vector<own_row> own_rows(const std::map<std::string, benchmark_results, std::less<>>& results) {
    std::vector<own_row> rows;
    for (const own_figure& figure : own_set()) {
        if (const auto found = results.find(figure.program); found != results.end()) {
            rows.push_back({figure, found->second.field(figure.benchmark, figure.field),
                            found->second.field("bare_jump", "real_time")});
        }
    }
    return rows;
}

std::string own_table(const std::vector<own_row>& rows) {
    std::string table = text_line("", {"target", "median", "min .. max", "bare jump", "in jumps", "reached"});
    bool informing = false;
    for (const own_row& row : rows) {
        if (!informing && !is_promise(row)) {
            table += "\nfor information\n";
            informing = true;
        }
        table += text_line(row.figure.title, columns_of(row));
    }
    return table;
}

std::string own_markdown(const std::vector<own_row>& rows, const std::string& context, const std::string& plot) {
    const auto promises = std::count_if(rows.begin(), rows.end(), &is_promise);
    const auto kept =
        std::count_if(rows.begin(), rows.end(), [](const own_row& row) { return is_promise(row) && row.reached(); });
    std::string text = fmt::format("# The library's own benchmarks\n\n{}.\n\n"
                                   "Medians of the repetitions, with their range. A bare jump is one of Boost.Context "
                                   "between two stacks, measured "
                                   "in the same program: the machine's speed of the moment. {} of {} targets are "
                                   "reached.\n\n![Times that have a target]({})\n\n"
                                   "| figure | target | median | min .. max | bare jump | in jumps | reached |\n"
                                   "| --- | --- | ---: | ---: | ---: | ---: | --- |\n",
                                   context, kept, promises, plot);
    for (const own_row& row : rows) {
        const columns shown = columns_of(row);
        text += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", row.figure.title, shown.promise, shown.median,
                            shown.range, shown.jump, shown.jumps, shown.reached);
    }
    return text;
}

std::string own_plot(const std::vector<own_row>& rows) {
    panel shown{"Median and range; the line across is the target", "ns", {}};
    for (const own_row& row : rows) {
        if (row.measured && row.figure.unit == "ns" && row.figure.promised == bound::at_most) {
            shown.bars.push_back({std::string(row.figure.title), *row.measured, row.reached(), row.figure.target});
        }
    }
    return bar_plot({shown});
}

} // namespace moor::bench::report
