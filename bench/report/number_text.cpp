// See number_text.hpp.
#include "report/number_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <fmt/format.h>

namespace moor::bench::report {

std::string number_text(double number) {
    const double size = std::abs(number);
    // What rounds up to ten has the form of ten.
    const int decimals = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
    std::string text = fmt::format("{:.{}f}", number, decimals);
    constexpr std::size_t group = 3;
    const std::size_t first = text.starts_with('-') ? 1 : 0;
    const std::size_t point = std::min(text.find('.'), text.size());
    for (std::size_t at = point; at > first + group; at -= group) {
        text.insert(at - group, 1, ',');
    }
    return text;
}

scaled_unit unit_for(std::string_view unit, double number) {
    const double size = std::abs(number);
    if (unit == "ns") {
        if (size >= 1e9) {
            return {"s", 1e9};
        }
        if (size >= 1e6) {
            return {"ms", 1e6};
        }
        return size >= 1e3 ? scaled_unit{"µs", 1e3} : scaled_unit{"ns", 1};
    }
    if (unit == "bytes") {
        constexpr double kibibyte = 1024;
        if (size >= kibibyte * kibibyte) {
            return {"MiB", kibibyte * kibibyte};
        }
        return size >= kibibyte ? scaled_unit{"KiB", kibibyte} : scaled_unit{"bytes", 1};
    }
    return {std::string(unit), 1};
}

std::string quantity_text(double number, std::string_view unit) {
    const scaled_unit scaled = unit_for(unit, number);
    return fmt::format("{} {}", number_text(number / scaled.factor), scaled.name);
}

std::string range_text(const spread& shown, std::string_view unit) {
    const scaled_unit scaled = unit_for(unit, shown.median);
    return fmt::format("{} … {} {}", number_text(shown.least / scaled.factor), number_text(shown.most / scaled.factor),
                       scaled.name);
}

} // namespace moor::bench::report
