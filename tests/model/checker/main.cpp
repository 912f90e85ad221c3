// Explores all scenarios, then every scenario of a part once more for each fault that can be planted in the part's
// files, and prints a table.
//     interleavings [--longer] [--jobs=n] [--no-faults] [part]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "explorer.hpp"
#include "registry.hpp"

namespace moor::model {
namespace {

using seconds = std::chrono::duration<double>;

std::chrono::steady_clock::duration as_duration(double count) {
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(seconds(count));
}

struct wishes {
    bool longer = false;
    bool faults = true;
    double seconds_scenario = 60; ///< most for one; when they are over it has failed, unless the bounds are the longer
    double seconds_fault = 1;     ///< most for one with a fault; when they are over the fault is not found
    unsigned jobs = 2;
    std::string_view part;
};

struct known_fault {
    plantable fault;
    std::vector<const scenario*> in; // that execute it
};

bool explore_scenario(const scenario& what, const wishes& wanted, executed_sites& executed) {
    const auto begun = std::chrono::steady_clock::now();
    const findings found = explore(what, wanted.longer ? what.what.longer : what.what.quick, {},
                                   as_duration(wanted.seconds_scenario), &executed);
    const double took = seconds(std::chrono::steady_clock::now() - begun).count();
    std::printf("%-22.*s %-58.*s %9llu states %8llu executions, depth %3zu, %5.1f s%s\n",
                static_cast<int>(what.part.size()), what.part.data(), static_cast<int>(what.name.size()),
                what.name.data(), static_cast<unsigned long long>(found.states),
                static_cast<unsigned long long>(found.executions), found.depth, took,
                found.out_of_time ? ", not all of it: out of time" : "");
    if (found.too_long != 0) {
        std::printf("    %llu executions were longer than the bound\n",
                    static_cast<unsigned long long>(found.too_long));
    }
    if (found.complaint.empty() && found.outcomes != what.what.outcomes) {
        std::printf("    WRONG: the outcomes are %#x, and should be %#x\n", found.outcomes, what.what.outcomes);
        return false;
    }
    if (found.complaint.empty()) {
        return !found.out_of_time || wanted.longer;
    }
    std::printf("    WRONG: %s\n%s", found.complaint.c_str(), found.trace.c_str());
    return false;
}

bool explore_part(const std::vector<const scenario*>& part, const wishes& wanted) {
    bool good = true;
    std::map<std::string, known_fault> faults;
    for (const scenario* const each : part) {
        executed_sites executed;
        good = explore_scenario(*each, wanted, executed) && good;
        look_up(executed);
        for (const plantable& fault : plantable_faults(executed, each->what.files)) {
            known_fault& known = faults[fault.describe()];
            if (known.in.empty()) {
                known.fault = fault;
            }
            known.fault.fault.at.insert(fault.fault.at.begin(), fault.fault.at.end());
            known.in.push_back(each);
        }
    }
    if (!wanted.faults || !good || faults.empty()) {
        return good;
    }
    const auto begun = std::chrono::steady_clock::now();
    std::size_t found = 0;
    std::vector<std::string> missed;
    for (const auto& [name, known] : faults) {
        const bool is_found = std::any_of(known.in.begin(), known.in.end(), [&](const scenario* each) {
            return !explore(*each, wanted.longer ? each->what.longer : each->what.quick, known.fault.fault,
                            as_duration(wanted.seconds_fault), nullptr)
                        .complaint.empty();
        });
        found += is_found;
        if (!is_found) {
            missed.push_back(name + "  (" + known.fault.where.function + ")");
        }
    }
    std::printf("%-22.*s of %zu planted faults %zu are found, %.1f s\n", static_cast<int>(part[0]->part.size()),
                part[0]->part.data(), faults.size(), found, seconds(std::chrono::steady_clock::now() - begun).count());
    for (const std::string& each : missed) {
        std::printf("    not: %s\n", each.c_str());
    }
    return good && found != 0;
}

// Each part in a process of its own, several at a time; the output of each in one piece.
int explore_all(const wishes& wanted) {
    std::vector<std::vector<const scenario*>> parts;
    for (const scenario* const each : all_scenarios()) {
        if (!wanted.part.empty() && each->part != wanted.part) {
            continue;
        }
        const auto same =
            std::find_if(parts.begin(), parts.end(), [each](const auto& part) { return part[0]->part == each->part; });
        if (same != parts.end()) {
            same->push_back(each);
        } else {
            parts.push_back({each});
        }
    }
    if (parts.empty()) {
        std::fputs("there is no such part\n", stderr);
        return 2;
    }
    std::map<pid_t, FILE*> running;
    unsigned failed = 0;
    std::size_t next = 0;
    while (next != parts.size() || !running.empty()) {
        if (next != parts.size() && running.size() < wanted.jobs) {
            FILE* const output = std::tmpfile();
            std::fflush(nullptr);
            const pid_t child = ::fork();
            if (child == 0) {
                ::dup2(::fileno(output), 1);
                const bool good = explore_part(parts[next], wanted);
                std::fflush(nullptr);
                ::_exit(good ? 0 : 1);
            }
            running.emplace(child, output);
            ++next;
            continue;
        }
        int status = 0;
        const pid_t ended = ::wait(&status);
        FILE* const output = running.extract(ended).mapped();
        std::rewind(output);
        char text[4096];
        while (const std::size_t count = std::fread(text, 1, sizeof text, output)) {
            std::fwrite(text, 1, count, stdout);
        }
        std::fclose(output);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            ++failed;
            std::printf("    FAILED (%s %d)\n", WIFEXITED(status) ? "status" : "signal",
                        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        }
        std::fflush(stdout);
    }
    std::printf("%zu parts, %u failed\n", parts.size(), failed);
    return failed == 0 ? 0 : 1;
}

} // namespace

std::vector<const scenario*>& all_scenarios() noexcept {
    static std::vector<const scenario*> all;
    return all;
}

scenario::scenario(std::string_view in_part, std::string_view named, about aim, void (*function)())
    : part(in_part), name(named), what(std::move(aim)), run(function) {
    all_scenarios().push_back(this);
}

} // namespace moor::model

int main(int count, char** arguments) {
    moor::model::wishes wanted;
    for (int index = 1; index < count; ++index) {
        const std::string_view argument = arguments[index];
        if (argument == "--longer") {
            wanted.longer = true;
            wanted.seconds_scenario = 120;
            wanted.seconds_fault = 5;
        } else if (argument == "--no-faults") {
            wanted.faults = false;
        } else if (argument.starts_with("--jobs=")) {
            wanted.jobs = static_cast<unsigned>(std::atoi(arguments[index] + 7));
        } else {
            wanted.part = argument;
        }
    }
    return moor::model::explore_all(wanted);
}
