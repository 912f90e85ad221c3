// See peer.hpp.
#include "peers/support/peer.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <iostream>
#include <utility>

#include <fmt/format.h>

#include "win/windows.hpp"

#include <psapi.h>

namespace moor::bench::peers {
namespace {

std::uint64_t to_number(std::string_view digits) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        throw std::invalid_argument(fmt::format("not a number: {}", digits));
    }
    return number;
}

std::string_view next_word(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

double milliseconds(clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

std::string answer(const peer& offered, const request& asked) {
    if (asked.job() == "about") {
        return fmt::format(R"(ok name="{}" version="{}" settings="{}")", offered.name, offered.version,
                           offered.settings);
    }
    const auto job = offered.jobs.find(asked.job());
    if (job == offered.jobs.end()) {
        return fmt::format("cannot {}", offered.lacks);
    }
    std::string line = "ok";
    for (const auto& [name, figure] : job->second(asked)) {
        line += fmt::format(" {}={}", name, figure);
    }
    return line;
}

} // namespace

request::request(std::string_view line) {
    job_ = next_word(line);
    while (!line.empty()) {
        const std::string_view word = next_word(line);
        const std::size_t sign = word.find('=');
        if (sign == std::string_view::npos) {
            throw std::invalid_argument(fmt::format("not name=number: {}", word));
        }
        numbers_.emplace(word.substr(0, sign), to_number(word.substr(sign + 1)));
    }
}

std::uint64_t request::operator[](std::string_view name) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) {
        throw std::invalid_argument(fmt::format("{} without {}", job_, name));
    }
    return found->second;
}

figures timed(clock::duration time, std::uint64_t items) {
    return {{"seconds", std::chrono::duration<double>(time).count()}, {"items", static_cast<double>(items)}};
}

figures growth(clock::duration once, clock::duration twice, std::uint64_t items) {
    if (2 * once <= twice) {
        throw failed("a second descent took longer than the first");
    }
    return timed(2 * once - twice, items);
}

figures lateness(std::vector<clock::duration> late) {
    std::sort(late.begin(), late.end());
    return {{"late_median_ms", milliseconds(late[late.size() / 2])},
            {"late_p99_ms", milliseconds(late[(late.size() - 1) * 99 / 100])}};
}

std::uint64_t resident_bytes() {
    PROCESS_MEMORY_COUNTERS counters{};
    if (::K32GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) == FALSE) {
        throw failed("the system does not tell the memory in use");
    }
    return counters.WorkingSetSize;
}

figures memory(std::uint64_t before, std::uint64_t after, std::uint64_t coroutines) {
    const double added = static_cast<double>(after) - static_cast<double>(before);
    return {{"bytes_each", added / static_cast<double>(coroutines)}};
}

unsigned threads_allowed(int argc, char** argv) { return argc < 2 ? 1U : static_cast<unsigned>(to_number(argv[1])); }

int serve(const peer& offered) {
    for (std::string line; std::getline(std::cin, line);) {
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        try {
            std::cout << answer(offered, request(line)) << std::endl;
        } catch (const cannot& reason) {
            std::cout << "cannot " << reason.what() << std::endl;
        } catch (const std::exception& error) {
            std::cout << "failed " << error.what() << std::endl;
        }
    }
    return 0;
}

} // namespace moor::bench::peers
