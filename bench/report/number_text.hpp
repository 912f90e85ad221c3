// Numbers as people read them.
#pragma once

#include <string>
#include <string_view>

#include "report/statistics.hpp"

namespace moor::bench::report {

/// Two decimals below ten, one below a hundred, none above; commas between thousands.
[[nodiscard]] std::string number_text(double number);

/// A unit that keeps numbers short: ns may become µs, ms or s, bytes KiB or MiB; any other stays.
struct scaled_unit {
    std::string name;
    double factor; ///< what a number in the first unit is to be divided by
};
[[nodiscard]] scaled_unit unit_for(std::string_view unit, double number);

/// "12.3 µs"
[[nodiscard]] std::string quantity_text(double number, std::string_view unit);
/// "11.9 … 14.0 µs", in the unit that the median has.
[[nodiscard]] std::string range_text(const spread& shown, std::string_view unit);

} // namespace moor::bench::report
