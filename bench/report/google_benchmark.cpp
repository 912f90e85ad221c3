// See google_benchmark.hpp.
#include "report/google_benchmark.hpp"

#include <cctype>
#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace moor::bench::report {
namespace {

namespace json = boost::json;

bool is_word_letter(char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '(' || letter == ')' || letter == '-' ||
           letter == '+' || letter == '.' || letter == '#';
}

// nan, -nan(ind), inf, Infinity, 1.#QNAN: what C libraries make of them.
bool is_not_number(std::string_view word) {
    if (word.find('#') != std::string_view::npos) {
        return true;
    }
    if (word.starts_with('-') || word.starts_with('+')) {
        word.remove_prefix(1);
    }
    return word.starts_with("nan") || word.starts_with("NaN") || word.starts_with("inf") || word.starts_with("Inf");
}

std::string_view text_of(const json::object& object, std::string_view name) {
    const json::value* const found = object.if_contains(name);
    const json::string* const text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

std::optional<double> number_of(const json::object& object, std::string_view name) {
    const json::value* const found = object.if_contains(name);
    if (found == nullptr || !found->is_number()) {
        return std::nullopt;
    }
    return found->to_number<double>();
}

} // namespace

std::string without_not_numbers(std::string_view json) {
    std::string result;
    result.reserve(json.size());
    bool in_text = false;
    for (std::size_t at = 0; at < json.size();) {
        if (in_text || !is_word_letter(json[at])) {
            const bool escape = in_text && json[at] == '\\' && at + 1 < json.size();
            in_text ^= json[at] == '"';
            result.append(json, at, escape ? 2 : 1);
            at += escape ? 2 : 1;
            continue;
        }
        std::size_t end = at;
        while (end < json.size() && is_word_letter(json[end])) {
            ++end;
        }
        const std::string_view word = json.substr(at, end - at);
        result += is_not_number(word) ? "null" : word;
        at = end;
    }
    return result;
}

struct benchmark_results::document {
    json::value whole;
};

benchmark_results::benchmark_results(std::string_view json) {
    try {
        document_ = std::make_unique<document>(document{json::parse(without_not_numbers(json))});
        (void)document_->whole.at("benchmarks").as_array();
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("not the JSON of Google Benchmark: {}", error.what()));
    }
}

benchmark_results::benchmark_results(benchmark_results&&) noexcept = default;
benchmark_results& benchmark_results::operator=(benchmark_results&&) noexcept = default;
benchmark_results::~benchmark_results() = default;

std::optional<spread> benchmark_results::field(std::string_view benchmark, std::string_view name) const {
    std::optional<double> median;
    std::optional<double> least;
    std::optional<double> most;
    for (const json::value& run : document_->whole.at("benchmarks").as_array()) {
        const json::object& object = run.as_object();
        std::string_view run_name = text_of(object, "run_name");
        if (!run_name.starts_with(benchmark)) {
            continue;
        }
        run_name.remove_prefix(benchmark.size());
        if (!run_name.empty() && run_name.front() != '/') {
            continue;
        }
        const std::string_view statistic = text_of(object, "aggregate_name");
        if (statistic == "median" && !median) {
            median = number_of(object, name);
        } else if (statistic == "min" && !least) {
            least = number_of(object, name);
        } else if (statistic == "max" && !most) {
            most = number_of(object, name);
        }
    }
    if (!median || !least || !most) {
        return std::nullopt;
    }
    return spread{*median, *least, *most};
}

std::string benchmark_results::context() const {
    const json::value* const found = document_->whole.as_object().if_contains("context");
    if (found == nullptr || !found->is_object()) {
        return {};
    }
    const json::object& context = found->as_object();
    return fmt::format("{} processors, {:.0f} MHz, {}", number_of(context, "num_cpus").value_or(0),
                       number_of(context, "mhz_per_cpu").value_or(0), text_of(context, "date"));
}

} // namespace moor::bench::report
