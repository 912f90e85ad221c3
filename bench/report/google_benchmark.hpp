// The JSON of Google Benchmark.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "report/statistics.hpp"

namespace moor::bench::report {

/// The text with null for each number that is none. Google Benchmark writes `nan` for the coefficient of variation of a
/// figure that is zero, and JSON has no such number.
[[nodiscard]] std::string without_not_numbers(std::string_view json);

/// What a benchmark program has measured.
class benchmark_results {
public:
    /// Throws std::runtime_error for what is no such JSON.
    explicit benchmark_results(std::string_view json);
    benchmark_results(benchmark_results&&) noexcept;
    benchmark_results& operator=(benchmark_results&&) noexcept;
    ~benchmark_results();

    /// Median and range of a field (real_time, or a counter) of a benchmark, whatever arguments it has. Empty when it
    /// was not measured.
    [[nodiscard]] std::optional<spread> field(std::string_view benchmark, std::string_view name) const;
    /// A line about the machine's processors and the date; empty when it is not there.
    [[nodiscard]] std::string context() const;

private:
    struct document;
    std::unique_ptr<document> document_;
};

} // namespace moor::bench::report
