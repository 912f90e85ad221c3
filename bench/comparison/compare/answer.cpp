// See answer.hpp.
#include "compare/answer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace moor::bench::compare {
namespace {

[[noreturn]] void no_answer(std::string_view line) {
    throw std::runtime_error("this is no answer: " + std::string(line));
}

std::string_view take_until(std::string_view& text, char end) {
    const std::size_t length = std::min(text.find(end), text.size());
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    return taken;
}

} // namespace

double answer::number(std::string_view name) const {
    const auto found = values.find(name);
    if (found == values.end()) {
        throw std::runtime_error("the answer has no " + std::string(name));
    }
    const char* const text = found->second.c_str();
    char* end = nullptr;
    const double number = std::strtod(text, &end);
    if (end == text || *end != '\0' || !std::isfinite(number)) {
        throw std::runtime_error("not a number: " + found->second);
    }
    return number;
}

answer parse_answer(std::string_view line) {
    std::string_view rest = line;
    while (rest.ends_with('\r') || rest.ends_with('\n')) {
        rest.remove_suffix(1);
    }
    answer result;
    const std::string_view first = take_until(rest, ' ');
    if (first == "cannot" || first == "failed") {
        result.said = first == "cannot" ? answer::kind::cannot : answer::kind::failed;
        result.reason = rest.empty() ? "it does not say why" : rest;
        return result;
    }
    if (first != "ok") {
        no_answer(line);
    }
    result.said = answer::kind::ok;
    while (!rest.empty()) {
        if (rest.front() == ' ') {
            rest.remove_prefix(1);
            continue;
        }
        const std::size_t sign = rest.find('=');
        if (sign == std::string_view::npos || sign == 0) {
            no_answer(line);
        }
        const std::string name(take_until(rest, '='));
        const bool quoted = rest.starts_with('"');
        if (quoted) {
            rest.remove_prefix(1);
            if (rest.find('"') == std::string_view::npos) {
                no_answer(line);
            }
        }
        result.values[name] = take_until(rest, quoted ? '"' : ' ');
    }
    return result;
}

} // namespace moor::bench::compare
