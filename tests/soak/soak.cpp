// See soak.hpp.
#include "soak/soak.hpp"

#include <atomic>
#include <cstdio>

#include <fmt/format.h>

#include "soak/round_parts.hpp"
#include "support/platform.hpp"
#include "support/watchdog.hpp"

namespace moor::test {
namespace {

using clock = soak_round::clock;

// Longer than the library's own, so that its report comes first.
constexpr std::chrono::seconds longest_standstill{60};

runtime_options options_of_the_long_lived() {
    runtime_options options;
    options.workers = 2;
    options.cached_stacks = 16; // so that these are there after a few rounds
    options.kept_stack_memory = std::size_t{8} * 1024 * 1024;
    options.debug.preempt_storm = true;
    options.debug.force_move = true;
    return options;
}

class soak {
public:
    explicit soak(const soak_plan& plan) : plan_(plan), running_(options_of_the_long_lived()) {}

    soak_result run() {
        const watchdog guard(
            longest_standstill, [this] { return steps_.load(); },
            [this] { return fmt::format("the round with seed {}", seed_.load()); });
        // What this program keeps does not grow: it would be found.
        result_.history.reserve(plan_.rounds != 0 ? plan_.rounds
                                                  : static_cast<std::size_t>(plan_.length / plan_.round_length) + 1);
        const auto end = began_ + plan_.length;
        for (std::size_t round = 0; plan_.rounds != 0 ? round != plan_.rounds : clock::now() < end; ++round) {
            if (!run_round(plan_.seed + static_cast<std::uint32_t>(round))) {
                break;
            }
        }
        if (result_.faults.empty()) {
            look_for_trends();
        }
        print_table();
        if (plan_.leak != nullptr) {
            plan_.leak->take_back(running_);
        }
        return std::move(result_);
    }

private:
    // Whether all was well.
    bool run_round(std::uint32_t seed) {
        seed_.store(seed);
        findings found(steps_);
        if (plan_.under_load) {
            soak_round round(seed, clock::now() + plan_.round_length, plan_.stack, found, done_);
            run_round_parts(running_, round);
        }
        found.step();
        if (plan_.leak != nullptr) {
            plan_.leak->plant(running_);
        }
        result_.history.push_back(read_figures(running_));
        judge_round(seed, found);
        if (result_.history.size() % plan_.rounds_per_line == 0 || !result_.faults.empty()) {
            print_line();
        }
        return result_.faults.empty();
    }

    void judge_round(std::uint32_t seed, const findings& found) {
        for (const finding& each : found.first()) {
            if (each.what != nullptr) {
                result_.faults.push_back(fmt::format("seed {}: {} ({})", seed, each.what, each.code));
            }
        }
        if (found.count() > found.first().size()) {
            result_.faults.push_back(fmt::format("seed {}: {} findings in all", seed, found.count()));
        }
        for (std::size_t which = 0; which != figure_count; ++which) {
            const std::uint64_t value = result_.history.back()[which];
            if (figure_rules[which].at_rest && value != 0) {
                result_.faults.push_back(
                    fmt::format("seed {}: {} after the round: {}", seed, figure_rules[which].name, value));
            }
        }
    }

    static bool is_judged(const figure_rule& rule) { return rule.under_wine || !under_wine(); }

    std::vector<std::uint64_t> series(std::size_t which) const {
        std::vector<std::uint64_t> values;
        for (const figures& each : result_.history) {
            values.push_back(each[which]);
        }
        return values;
    }

    void look_for_trends() {
        for (std::size_t which = 0; which != figure_count; ++which) {
            const figure_rule& rule = figure_rules[which];
            if (is_judged(rule) && has_grown(series(which), rule.allowed)) {
                result_.faults.push_back(fmt::format("{} grow from round to round", rule.name));
            }
        }
    }

    void print_line() const {
        const auto minutes =
            std::chrono::duration_cast<std::chrono::duration<double, std::ratio<60>>>(clock::now() - began_);
        const figures& now = result_.history.back();
        const auto of = [&now](figure which) { return now[static_cast<std::size_t>(which)]; };
        const runtime_metrics seen = running_.metrics();
        say(fmt::format("{:6.1f} min, round {:5}, seed {:10}: {} handles, {} threads, heap {} KiB, private {} KiB; "
                        "frames {}, datagrams {}, echoes {} + {}, simulated bytes {}, values {}, turns {}, children "
                        "{}, lives {}, ended early {}; preemptions {}, moves {}\n",
                        minutes.count(), result_.history.size(), seed_.load(), of(figure::process_handles),
                        of(figure::threads), of(figure::heap), of(figure::private_memory), done_.frames.load(),
                        done_.datagrams.load(), done_.echoes.load(), done_.datagram_echoes.load(),
                        done_.simulated.load(), done_.values.load(), done_.turns.load(), done_.children.load(),
                        done_.lives.load(), done_.stops.load(), seen.preemptions, seen.stack_copies));
    }

    void print_table() const {
        std::string text = fmt::format("{} rounds, seeds {} to {}\n", result_.history.size(), plan_.seed, seed_.load());
        text += fmt::format("| {:<28} | {:>12} | {:>14} | {:>12} | {:>12} | {:>11} |\n", "", "first round",
                            "second quarter", "last quarter", "last round", "may grow by");
        for (std::size_t which = 0; which != figure_count; ++which) {
            const figure_rule& rule = figure_rules[which];
            const auto values = series(which);
            const quarters seen = quarters_of(values);
            const std::string growth = rule.at_rest      ? "must be 0"
                                       : is_judged(rule) ? fmt::format("{}", allowed_growth(seen, rule.allowed))
                                                         : "";
            text += fmt::format("| {:<28} | {:>12} | {:>14} | {:>12} | {:>12} | {:>11} |\n", rule.name, values.front(),
                                seen.largest_of_second, seen.smallest_of_last, values.back(), growth);
        }
        for (const std::string& each : result_.faults) {
            text += "FAULT " + each + "\n";
        }
        say(text);
    }

    static void say(const std::string& text) {
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }

    const soak_plan plan_;
    runtime running_;
    const clock::time_point began_ = clock::now();
    work_done done_;
    soak_result result_;
    std::atomic<std::uint32_t> seed_{0};
    std::atomic<std::uint64_t> steps_{0}; // for the watchdog
};

} // namespace

soak_result run_soak(const soak_plan& plan) { return soak(plan).run(); }

} // namespace moor::test
